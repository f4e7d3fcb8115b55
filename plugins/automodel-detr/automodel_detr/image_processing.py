"""The image processor of DETR and Table Transformer."""

from __future__ import annotations

from automodel_core.detection import (
    BoxPostProcessing,
    DetectionImageProcessor,
    QueryMaskPostProcessing,
)
from automodel_detr.post_processing import OlderMaskPostProcessing


class DetrImageProcessor(
    DetectionImageProcessor, BoxPostProcessing, QueryMaskPostProcessing, OlderMaskPostProcessing
):
    """Resize the shortest edge to 800, normalise as ImageNet's pictures are, and pad a batch."""


DetrFeatureExtractor = DetrImageProcessorFast = DetrImageProcessorPil = DetrImageProcessor
