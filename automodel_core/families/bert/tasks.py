"""The tasks that an encoder of the family serves, as a plugin's manifest names them."""

from __future__ import annotations

__all__ = ["encoder_models"]

_HEADS = {
    "base": "Model",
    "text-encoding": "Model",
    "pretraining": "ForMaskedLM",
    "masked-lm": "ForMaskedLM",
    "sequence-classification": "ForSequenceClassification",
    "multiple-choice": "ForMultipleChoice",
    "token-classification": "ForTokenClassification",
    "question-answering": "ForQuestionAnswering",
}


def encoder_models(prefix: str) -> dict[str, str]:
    """Return the class of each task; ``prefix`` is a module, a colon, and how classes begin."""
    return {task: f"{prefix}{head}" for task, head in _HEADS.items()}
