"""What automodel-llama provides."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [
        Architecture(
            model_type="llama",
            plugin_api=(1, 0),
            config="automodel_llama.configuration:LlamaConfig",
            models={
                "base": "automodel_llama.modeling:LlamaModel",
                "causal-lm": "automodel_llama.modeling:LlamaForCausalLM",
                "sequence-classification": (
                    "automodel_llama.modeling:LlamaForSequenceClassification"
                ),
                "token-classification": "automodel_llama.modeling:LlamaForTokenClassification",
                "question-answering": "automodel_llama.modeling:LlamaForQuestionAnswering",
            },
        )
    ]
