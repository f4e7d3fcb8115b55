"""What automodel-prophetnet provides; importing it imports neither torch nor the models."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [
        Architecture(
            model_type="prophetnet",
            plugin_api=(1, 0),
            config="automodel_prophetnet.configuration:ProphetNetConfig",
            models={
                "base": "automodel_prophetnet.modeling:ProphetNetModel",
                "seq2seq-lm": "automodel_prophetnet.modeling:ProphetNetForConditionalGeneration",
                "causal-lm": "automodel_prophetnet.modeling:ProphetNetForCausalLM",
            },
            tokenizer="automodel_prophetnet.tokenization:ProphetNetTokenizer",
        )
    ]
