"""The image processor of CLIP."""

from __future__ import annotations

from automodel_core.vision import CenterCropImageProcessor


class CLIPImageProcessor(CenterCropImageProcessor):
    """Resize the short edge to 224, take the middle 224 x 224, and scale."""


CLIPFeatureExtractor = CLIPImageProcessorFast = CLIPImageProcessorPil = CLIPImageProcessor
