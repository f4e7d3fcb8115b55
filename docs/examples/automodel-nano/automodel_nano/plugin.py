"""What automodel-nano provides."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [
        Architecture(
            model_type="nano",
            plugin_api=(1, 0),
            config="automodel_nano.configuration:NanoConfig",
            models={
                "base": "automodel_nano.modeling:NanoModel",
                "causal-lm": "automodel_nano.modeling:NanoForCausalLM",
            },
            tokenizer="automodel_core.text:PreTrainedTokenizer",
        )
    ]
