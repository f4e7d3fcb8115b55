"""What automodel-roberta provides."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl

MODELS = "automodel_roberta.modeling:Roberta"


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [
        Architecture(
            model_type="roberta",
            plugin_api=(1, 0),
            config="automodel_roberta.configuration:RobertaConfig",
            models={
                "base": f"{MODELS}Model",
                "text-encoding": f"{MODELS}Model",
                "pretraining": f"{MODELS}ForMaskedLM",
                "masked-lm": f"{MODELS}ForMaskedLM",
                "causal-lm": f"{MODELS}ForCausalLM",
                "sequence-classification": f"{MODELS}ForSequenceClassification",
                "multiple-choice": f"{MODELS}ForMultipleChoice",
                "token-classification": f"{MODELS}ForTokenClassification",
                "question-answering": f"{MODELS}ForQuestionAnswering",
            },
            tokenizer="automodel_roberta.tokenization:RobertaTokenizer",
        )
    ]
