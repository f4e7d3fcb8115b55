"""The image processor of DETR and Table Transformer."""

from __future__ import annotations

from automodel_core.detection import (
    BoxPostProcessing,
    DetectionImageProcessor,
    QueryMaskPostProcessing,
)


class DetrImageProcessor(DetectionImageProcessor, BoxPostProcessing, QueryMaskPostProcessing):
    """Resize the shortest edge to 800, normalise as ImageNet's pictures are, and pad a batch."""


DetrFeatureExtractor = DetrImageProcessorFast = DetrImageProcessorPil = DetrImageProcessor
