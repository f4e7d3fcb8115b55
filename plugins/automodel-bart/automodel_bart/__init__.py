"""BART for automodel-core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from automodel_core.exports import lazy_exports

if TYPE_CHECKING:
    from automodel_bart.configuration import BartConfig as BartConfig
    from automodel_bart.modeling import (
        BartForCausalLM as BartForCausalLM,
        BartForConditionalGeneration as BartForConditionalGeneration,
        BartForQuestionAnswering as BartForQuestionAnswering,
        BartForSequenceClassification as BartForSequenceClassification,
        BartModel as BartModel,
        BartPreTrainedModel as BartPreTrainedModel,
        BartPretrainedModel as BartPretrainedModel,
        PretrainedBartModel as PretrainedBartModel,
    )
    from automodel_bart.tokenization import (
        BartTokenizer as BartTokenizer,
        BartTokenizerFast as BartTokenizerFast,
    )

__all__, __getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "configuration": ("BartConfig",),
        "modeling": (
            "BartForCausalLM",
            "BartForConditionalGeneration",
            "BartForQuestionAnswering",
            "BartForSequenceClassification",
            "BartModel",
            "BartPreTrainedModel",
            "BartPretrainedModel",
            "PretrainedBartModel",
        ),
        "tokenization": ("BartTokenizer", "BartTokenizerFast"),
    },
)
