"""Donut for automodel-core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from automodel_core.exports import lazy_exports

if TYPE_CHECKING:
    from automodel_donut.configuration import DonutSwinConfig as DonutSwinConfig
    from automodel_donut.image_processing import (
        DonutFeatureExtractor as DonutFeatureExtractor,
        DonutImageProcessor as DonutImageProcessor,
        DonutImageProcessorFast as DonutImageProcessorFast,
        DonutImageProcessorPil as DonutImageProcessorPil,
    )
    from automodel_donut.modeling import (
        DonutSwinForImageClassification as DonutSwinForImageClassification,
        DonutSwinModel as DonutSwinModel,
        DonutSwinPreTrainedModel as DonutSwinPreTrainedModel,
    )
    from automodel_donut.processing import DonutProcessor as DonutProcessor
    from automodel_donut.tokenization import (
        XLMRobertaTokenizer as XLMRobertaTokenizer,
        XLMRobertaTokenizerFast as XLMRobertaTokenizerFast,
    )

__all__, __getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "configuration": ("DonutSwinConfig",),
        "image_processing": (
            "DonutFeatureExtractor",
            "DonutImageProcessor",
            "DonutImageProcessorFast",
            "DonutImageProcessorPil",
        ),
        "modeling": (
            "DonutSwinForImageClassification",
            "DonutSwinModel",
            "DonutSwinPreTrainedModel",
        ),
        "processing": ("DonutProcessor",),
        "tokenization": ("XLMRobertaTokenizer", "XLMRobertaTokenizerFast"),
    },
)
