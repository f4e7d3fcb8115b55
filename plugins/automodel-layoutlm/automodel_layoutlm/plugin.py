"""What automodel-layoutlm provides; importing it imports neither torch nor the models."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl

MODELS = "automodel_layoutlm.modeling:LayoutLM"


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [
        Architecture(
            model_type="layoutlm",
            plugin_api=(1, 0),
            config="automodel_layoutlm.configuration:LayoutLMConfig",
            models={
                "base": f"{MODELS}Model",
                "pretraining": f"{MODELS}ForMaskedLM",
                "masked-lm": f"{MODELS}ForMaskedLM",
                "sequence-classification": f"{MODELS}ForSequenceClassification",
                "token-classification": f"{MODELS}ForTokenClassification",
                "document-question-answering": f"{MODELS}ForQuestionAnswering",
            },
            tokenizer=(
                "automodel_layoutlm.tokenization:LayoutLMTokenizer",
                "automodel_layoutlm.tokenization:BertTokenizer",
                "automodel_layoutlm.tokenization:RobertaTokenizer",
            ),
        )
    ]
