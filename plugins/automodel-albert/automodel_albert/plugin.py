"""What automodel-albert provides; importing it imports neither torch nor the models."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl

MODELS = "automodel_albert.modeling:Albert"


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [
        Architecture(
            model_type="albert",
            plugin_api=(1, 0),
            config="automodel_albert.configuration:AlbertConfig",
            models={
                "base": f"{MODELS}Model",
                "text-encoding": f"{MODELS}Model",
                "pretraining": f"{MODELS}ForPreTraining",
                "masked-lm": f"{MODELS}ForMaskedLM",
                "sequence-classification": f"{MODELS}ForSequenceClassification",
                "multiple-choice": f"{MODELS}ForMultipleChoice",
                "token-classification": f"{MODELS}ForTokenClassification",
                "question-answering": f"{MODELS}ForQuestionAnswering",
            },
            tokenizer="automodel_albert.tokenization:AlbertTokenizer",
        )
    ]
