"""What automodel-mbart provides; importing it imports neither torch nor the models."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl

_TASKS = {
    "base": "Model",
    "masked-lm": "ForConditionalGeneration",
    "seq2seq-lm": "ForConditionalGeneration",
    "causal-lm": "ForCausalLM",
    "sequence-classification": "ForSequenceClassification",
    "question-answering": "ForQuestionAnswering",
}


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [
        Architecture(
            model_type="mbart",
            plugin_api=(1, 0),
            config="automodel_mbart.configuration:MBartConfig",
            models={task: f"automodel_mbart.modeling:MBart{head}" for task, head in _TASKS.items()},
            tokenizer=(
                "automodel_mbart.tokenization:MBartTokenizer",
                "automodel_mbart.tokenization:MBart50Tokenizer",
            ),
        )
    ]
