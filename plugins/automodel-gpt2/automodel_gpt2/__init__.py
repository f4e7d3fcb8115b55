"""GPT-2 for automodel-core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from automodel_core.exports import lazy_exports

if TYPE_CHECKING:
    from automodel_gpt2.configuration import GPT2Config as GPT2Config
    from automodel_gpt2.modeling import (
        GPT2DoubleHeadsModel as GPT2DoubleHeadsModel,
        GPT2DoubleHeadsModelOutput as GPT2DoubleHeadsModelOutput,
        GPT2ForQuestionAnswering as GPT2ForQuestionAnswering,
        GPT2ForSequenceClassification as GPT2ForSequenceClassification,
        GPT2ForTokenClassification as GPT2ForTokenClassification,
        GPT2LMHeadModel as GPT2LMHeadModel,
        GPT2Model as GPT2Model,
        GPT2PreTrainedModel as GPT2PreTrainedModel,
    )
    from automodel_gpt2.tokenization import (
        GPT2Tokenizer as GPT2Tokenizer,
        GPT2TokenizerFast as GPT2TokenizerFast,
    )

__all__, __getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "configuration": ("GPT2Config",),
        "modeling": (
            "GPT2DoubleHeadsModel",
            "GPT2DoubleHeadsModelOutput",
            "GPT2ForQuestionAnswering",
            "GPT2ForSequenceClassification",
            "GPT2ForTokenClassification",
            "GPT2LMHeadModel",
            "GPT2Model",
            "GPT2PreTrainedModel",
        ),
        "tokenization": ("GPT2Tokenizer", "GPT2TokenizerFast"),
    },
)
