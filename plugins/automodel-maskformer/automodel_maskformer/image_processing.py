"""The image processor of MaskFormer."""

from __future__ import annotations

from automodel_core.detection import MaskClassImageProcessor, MaskClassPostProcessing


class MaskFormerImageProcessor(MaskClassImageProcessor, MaskClassPostProcessing):
    """Resize the shortest edge to 800 and both to multiples of 32, normalise, and pad a batch."""


MaskFormerFeatureExtractor = MaskFormerImageProcessorFast = MaskFormerImageProcessor
MaskFormerImageProcessorPil = MaskFormerImageProcessor
