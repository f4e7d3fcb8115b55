"""What automodel-mpnet provides; importing it imports neither torch nor the models."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl

_MODELS = "automodel_mpnet.modeling:MPNet"


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [
        Architecture(
            model_type="mpnet",
            plugin_api=(1, 0),
            config="automodel_mpnet.configuration:MPNetConfig",
            models={
                "base": f"{_MODELS}Model",
                "text-encoding": f"{_MODELS}Model",
                "pretraining": f"{_MODELS}ForMaskedLM",
                "masked-lm": f"{_MODELS}ForMaskedLM",
                "sequence-classification": f"{_MODELS}ForSequenceClassification",
                "multiple-choice": f"{_MODELS}ForMultipleChoice",
                "token-classification": f"{_MODELS}ForTokenClassification",
                "question-answering": f"{_MODELS}ForQuestionAnswering",
            },
            tokenizer="automodel_mpnet.tokenization:MPNetTokenizer",
        )
    ]
