"""What automodel-t5 provides; importing it imports neither torch nor the models."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl

_TASKS = {
    "base": "Model",
    "text-encoding": "EncoderModel",
    "pretraining": "ForConditionalGeneration",
    "seq2seq-lm": "ForConditionalGeneration",
    "sequence-classification": "ForSequenceClassification",
    "token-classification": "ForTokenClassification",
    "question-answering": "ForQuestionAnswering",
}


def _member(model_type: str, family: str, module: str = "multilingual") -> Architecture:
    """Describe one member of the family; all have the same tasks and the same tokenizer."""
    return Architecture(
        model_type=model_type,
        plugin_api=(1, 0),
        config=f"automodel_t5.configuration:{family}Config",
        models={task: f"automodel_t5.{module}:{family}{head}" for task, head in _TASKS.items()},
        tokenizer="automodel_t5.tokenization:T5Tokenizer",
    )


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [_member("t5", "T5", "modeling"), _member("mt5", "MT5"), _member("umt5", "UMT5")]
