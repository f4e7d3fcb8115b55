"""What automodel-electra provides; importing it imports neither torch nor the models."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl

_MODELS = "automodel_electra.modeling:Electra"


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [
        Architecture(
            model_type="electra",
            plugin_api=(1, 0),
            config="automodel_electra.configuration:ElectraConfig",
            models={
                "base": f"{_MODELS}Model",
                "text-encoding": f"{_MODELS}Model",
                "pretraining": f"{_MODELS}ForPreTraining",
                "masked-lm": f"{_MODELS}ForMaskedLM",
                "causal-lm": f"{_MODELS}ForCausalLM",
                "sequence-classification": f"{_MODELS}ForSequenceClassification",
                "multiple-choice": f"{_MODELS}ForMultipleChoice",
                "token-classification": f"{_MODELS}ForTokenClassification",
                "question-answering": f"{_MODELS}ForQuestionAnswering",
            },
            tokenizer=(
                "automodel_electra.tokenization:ElectraTokenizer",
                "automodel_electra.tokenization:BertTokenizer",
            ),
        )
    ]
