"""What automodel-bart provides; importing it imports neither torch nor the models."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl

_TASKS = {
    "base": "Model",
    "pretraining": "ForConditionalGeneration",
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
            model_type="bart",
            plugin_api=(1, 0),
            config="automodel_bart.configuration:BartConfig",
            models={task: f"automodel_bart.modeling:Bart{head}" for task, head in _TASKS.items()},
            tokenizer=(
                "automodel_bart.tokenization:BartTokenizer",
                "automodel_bart.tokenization:RobertaTokenizer",
            ),
        )
    ]
