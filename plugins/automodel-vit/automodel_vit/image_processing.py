"""The image processor of DeiT; that of ViT is its family's."""

from __future__ import annotations

from automodel_core.families.vit import ViTImageProcessor
from automodel_core.vision import Resample, Resampling, Size, fixed_size


class DeiTImageProcessor(ViTImageProcessor):
    """Resize to 256 x 256, take the middle 224 x 224, and scale as ViT does."""

    size: Size = fixed_size(256)
    resample: Resample = int(Resampling.BICUBIC)
    do_center_crop: bool | None = True
    crop_size: Size = fixed_size(224)


DeiTFeatureExtractor = DeiTImageProcessorFast = DeiTImageProcessorPil = DeiTImageProcessor
