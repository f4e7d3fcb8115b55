"""What automodel-marian provides; importing it imports neither torch nor the models."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [
        Architecture(
            model_type="marian",
            plugin_api=(1, 0),
            config="automodel_marian.configuration:MarianConfig",
            models={
                "base": "automodel_marian.modeling:MarianModel",
                "seq2seq-lm": "automodel_marian.modeling:MarianMTModel",
                "causal-lm": "automodel_marian.modeling:MarianForCausalLM",
            },
            tokenizer="automodel_marian.tokenization:MarianTokenizer",
        )
    ]
