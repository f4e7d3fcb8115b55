"""What automodel-deberta provides; importing it imports neither torch nor the models."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl

FIRST, SECOND = (f"automodel_deberta.modeling:Deberta{version}" for version in ("", "V2"))


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [
        Architecture(
            model_type="deberta",
            plugin_api=(1, 0),
            config="automodel_deberta.configuration:DebertaConfig",
            models={
                "base": f"{FIRST}Model",
                "text-encoding": f"{FIRST}Model",
                "pretraining": f"{FIRST}ForMaskedLM",
                "masked-lm": f"{FIRST}ForMaskedLM",
                "sequence-classification": f"{FIRST}ForSequenceClassification",
                "token-classification": f"{FIRST}ForTokenClassification",
                "question-answering": f"{FIRST}ForQuestionAnswering",
            },
            tokenizer="automodel_deberta.tokenization:DebertaTokenizer",
        ),
        Architecture(
            model_type="deberta-v2",
            plugin_api=(1, 0),
            config="automodel_deberta.configuration:DebertaV2Config",
            models={
                "base": f"{SECOND}Model",
                "text-encoding": f"{SECOND}Model",
                "pretraining": f"{SECOND}ForMaskedLM",
                "masked-lm": f"{SECOND}ForMaskedLM",
                "sequence-classification": f"{SECOND}ForSequenceClassification",
                "multiple-choice": f"{SECOND}ForMultipleChoice",
                "token-classification": f"{SECOND}ForTokenClassification",
                "question-answering": f"{SECOND}ForQuestionAnswering",
            },
            tokenizer="automodel_deberta.tokenization:DebertaV2Tokenizer",
        ),
    ]
