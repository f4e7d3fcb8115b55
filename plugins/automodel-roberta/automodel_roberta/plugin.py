"""What automodel-roberta provides; importing it imports neither torch nor the models."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl

_TASKS = {
    "base": "Model",
    "text-encoding": "Model",
    "pretraining": "ForMaskedLM",
    "masked-lm": "ForMaskedLM",
    "causal-lm": "ForCausalLM",
    "sequence-classification": "ForSequenceClassification",
    "multiple-choice": "ForMultipleChoice",
    "token-classification": "ForTokenClassification",
    "question-answering": "ForQuestionAnswering",
}


def _member(model_type: str, family: str, module: str) -> Architecture:
    """Describe one of the three, which have the same tasks."""
    return Architecture(
        model_type=model_type,
        plugin_api=(1, 0),
        config=f"automodel_roberta.configuration:{family}Config",
        models={task: f"automodel_roberta.{module}:{family}{h}" for task, h in _TASKS.items()},
        tokenizer=f"automodel_roberta.tokenization:{family}Tokenizer",
    )


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [
        _member("roberta", "Roberta", "modeling"),
        _member("xlm-roberta", "XLMRoberta", "xlm_roberta"),
        _member("camembert", "Camembert", "camembert"),
    ]
