"""What automodel-m2m100 provides; importing it imports neither torch nor the models."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [
        Architecture(
            model_type="m2m_100",
            plugin_api=(1, 0),
            config="automodel_m2m100.configuration:M2M100Config",
            models={
                "base": "automodel_m2m100.modeling:M2M100Model",
                "seq2seq-lm": "automodel_m2m100.modeling:M2M100ForConditionalGeneration",
            },
            tokenizer=(
                "automodel_m2m100.tokenization:M2M100Tokenizer",
                "automodel_m2m100.tokenization:NllbTokenizer",
            ),
        )
    ]
