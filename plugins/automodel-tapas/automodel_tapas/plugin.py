"""What automodel-tapas provides; importing it imports neither torch nor the models."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl

MODELS = "automodel_tapas.modeling:Tapas"


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [
        Architecture(
            model_type="tapas",
            plugin_api=(1, 0),
            config="automodel_tapas.configuration:TapasConfig",
            models={
                "base": f"{MODELS}Model",
                "pretraining": f"{MODELS}ForMaskedLM",
                "masked-lm": f"{MODELS}ForMaskedLM",
                "sequence-classification": f"{MODELS}ForSequenceClassification",
                "table-question-answering": f"{MODELS}ForQuestionAnswering",
            },
            tokenizer="automodel_tapas.tokenization:TapasTokenizer",
        )
    ]
