"""What automodel-gpt2 provides; importing it imports neither torch nor the models."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [
        Architecture(
            model_type="gpt2",
            plugin_api=(1, 0),
            config="automodel_gpt2.configuration:GPT2Config",
            models={
                "base": "automodel_gpt2.modeling:GPT2Model",
                "pretraining": "automodel_gpt2.modeling:GPT2LMHeadModel",
                "causal-lm": "automodel_gpt2.modeling:GPT2LMHeadModel",
                "sequence-classification": "automodel_gpt2.modeling:GPT2ForSequenceClassification",
                "token-classification": "automodel_gpt2.modeling:GPT2ForTokenClassification",
                "question-answering": "automodel_gpt2.modeling:GPT2ForQuestionAnswering",
            },
            tokenizer="automodel_gpt2.tokenization:GPT2Tokenizer",
        )
    ]
