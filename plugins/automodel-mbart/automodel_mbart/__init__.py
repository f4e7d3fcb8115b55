"""mBART and mBART-50 for automodel-core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from automodel_core.exports import lazy_exports

if TYPE_CHECKING:
    from automodel_mbart.configuration import MBartConfig as MBartConfig
    from automodel_mbart.modeling import (
        MBartForCausalLM as MBartForCausalLM,
        MBartForConditionalGeneration as MBartForConditionalGeneration,
        MBartForQuestionAnswering as MBartForQuestionAnswering,
        MBartForSequenceClassification as MBartForSequenceClassification,
        MBartModel as MBartModel,
        MBartPreTrainedModel as MBartPreTrainedModel,
    )
    from automodel_mbart.tokenization import (
        MBart50Tokenizer as MBart50Tokenizer,
        MBart50TokenizerFast as MBart50TokenizerFast,
        MBartTokenizer as MBartTokenizer,
        MBartTokenizerFast as MBartTokenizerFast,
    )

__all__, __getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "configuration": ("MBartConfig",),
        "modeling": (
            "MBartForCausalLM",
            "MBartForConditionalGeneration",
            "MBartForQuestionAnswering",
            "MBartForSequenceClassification",
            "MBartModel",
            "MBartPreTrainedModel",
        ),
        "tokenization": (
            "MBart50Tokenizer",
            "MBart50TokenizerFast",
            "MBartTokenizer",
            "MBartTokenizerFast",
        ),
    },
)
