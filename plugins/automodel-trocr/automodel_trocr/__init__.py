"""TrOCR for automodel-core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from automodel_core.exports import lazy_exports

if TYPE_CHECKING:
    from automodel_trocr.configuration import TrOCRConfig as TrOCRConfig
    from automodel_trocr.modeling import (
        TrOCRForCausalLM as TrOCRForCausalLM,
        TrOCRPreTrainedModel as TrOCRPreTrainedModel,
    )
    from automodel_trocr.processing import TrOCRProcessor as TrOCRProcessor
    from automodel_trocr.tokenization import (
        RobertaTokenizer as RobertaTokenizer,
        RobertaTokenizerFast as RobertaTokenizerFast,
        XLMRobertaTokenizer as XLMRobertaTokenizer,
        XLMRobertaTokenizerFast as XLMRobertaTokenizerFast,
    )

__all__, __getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "configuration": ("TrOCRConfig",),
        "modeling": ("TrOCRForCausalLM", "TrOCRPreTrainedModel"),
        "processing": ("TrOCRProcessor",),
        "tokenization": (
            "RobertaTokenizer",
            "RobertaTokenizerFast",
            "XLMRobertaTokenizer",
            "XLMRobertaTokenizerFast",
        ),
    },
)
