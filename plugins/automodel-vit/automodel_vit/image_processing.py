"""What turns images into the inputs of ViT and DeiT."""

from __future__ import annotations

from automodel_core.vision import (
    HALVES,
    BaseImageProcessor,
    Numbers,
    Resample,
    Resampling,
    Size,
    rectangle,
)

__all__ = [
    "DeiTFeatureExtractor",
    "DeiTImageProcessor",
    "DeiTImageProcessorFast",
    "DeiTImageProcessorPil",
    "ViTFeatureExtractor",
    "ViTImageProcessor",
    "ViTImageProcessorFast",
    "ViTImageProcessorPil",
]


class ViTImageProcessor(BaseImageProcessor):
    """Resize to 224 x 224 and scale to numbers from -1 to 1."""

    do_resize: bool | None = True
    size: Size = rectangle(224)
    resample: Resample = int(Resampling.BILINEAR)
    do_rescale: bool | None = True
    rescale_factor: float = 1 / 255
    do_normalize: bool | None = True
    image_mean: Numbers = HALVES
    image_std: Numbers = HALVES
    do_convert_rgb: bool | None = None


class DeiTImageProcessor(ViTImageProcessor):
    """Resize to 256 x 256, take the middle 224 x 224, and scale as ViT does."""

    size: Size = rectangle(256)
    resample: Resample = int(Resampling.BICUBIC)
    do_center_crop: bool | None = True
    crop_size: Size = rectangle(224)


ViTFeatureExtractor = ViTImageProcessorFast = ViTImageProcessorPil = ViTImageProcessor
DeiTFeatureExtractor = DeiTImageProcessorFast = DeiTImageProcessorPil = DeiTImageProcessor
