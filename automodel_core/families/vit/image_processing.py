"""The image processor of ViT, which many of its descendants use as it is."""

from __future__ import annotations

from automodel_core.vision.image_processor import BaseImageProcessor
from automodel_core.vision.settings import (
    IMAGENET_STANDARD_MEAN,
    IMAGENET_STANDARD_STD,
    ChannelValues,
    Resample,
    Resampling,
    Size,
    fixed_size,
)

__all__ = [
    "ViTFeatureExtractor",
    "ViTImageProcessor",
    "ViTImageProcessorFast",
    "ViTImageProcessorPil",
]


class ViTImageProcessor(BaseImageProcessor):
    """Resize to 224 x 224 and scale to numbers from -1 to 1."""

    do_resize: bool | None = True
    size: Size = fixed_size(224)
    resample: Resample = int(Resampling.BILINEAR)
    do_rescale: bool | None = True
    rescale_factor: float = 1 / 255
    do_normalize: bool | None = True
    image_mean: ChannelValues = IMAGENET_STANDARD_MEAN
    image_std: ChannelValues = IMAGENET_STANDARD_STD
    do_convert_rgb: bool | None = None


ViTFeatureExtractor = ViTImageProcessorFast = ViTImageProcessorPil = ViTImageProcessor
