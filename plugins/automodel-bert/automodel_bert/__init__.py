"""BERT for automodel-core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from automodel_core.exports import lazy_exports

if TYPE_CHECKING:
    from automodel_bert.configuration import BertConfig as BertConfig
    from automodel_bert.modeling import (
        BertForMaskedLM as BertForMaskedLM,
        BertForMultipleChoice as BertForMultipleChoice,
        BertForNextSentencePrediction as BertForNextSentencePrediction,
        BertForPreTraining as BertForPreTraining,
        BertForQuestionAnswering as BertForQuestionAnswering,
        BertForSequenceClassification as BertForSequenceClassification,
        BertForTokenClassification as BertForTokenClassification,
        BertLMHeadModel as BertLMHeadModel,
        BertModel as BertModel,
        BertPreTrainedModel as BertPreTrainedModel,
    )
    from automodel_bert.tokenization import (
        BertTokenizer as BertTokenizer,
        BertTokenizerFast as BertTokenizerFast,
    )

__all__, __getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "configuration": ("BertConfig",),
        "modeling": (
            "BertForMaskedLM",
            "BertForMultipleChoice",
            "BertForNextSentencePrediction",
            "BertForPreTraining",
            "BertForQuestionAnswering",
            "BertForSequenceClassification",
            "BertForTokenClassification",
            "BertLMHeadModel",
            "BertModel",
            "BertPreTrainedModel",
        ),
        "tokenization": ("BertTokenizer", "BertTokenizerFast"),
    },
)
