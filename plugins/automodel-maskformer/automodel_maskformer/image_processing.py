"""The image processors of MaskFormer and Mask2Former."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor

from automodel_core.detection import MaskClassImageProcessor, MaskClassPostProcessing

EDGE = 384


class MaskFormerImageProcessor(MaskClassImageProcessor, MaskClassPostProcessing):
    """Resize the shortest edge to 800 and both to multiples of 32, normalise, and pad a batch."""


class Mask2FormerImageProcessor(MaskFormerImageProcessor):
    """The same; masks become 384 x 384 before segments are found, whatever the image's shape."""

    def masks_of(self, outputs: Any) -> Tensor:
        masks = super().masks_of(outputs)
        return F.interpolate(masks, size=(EDGE, EDGE), mode="bilinear", align_corners=False)


MaskFormerFeatureExtractor = MaskFormerImageProcessorFast = MaskFormerImageProcessor
MaskFormerImageProcessorPil = MaskFormerImageProcessor
Mask2FormerImageProcessorFast = Mask2FormerImageProcessorPil = Mask2FormerImageProcessor
