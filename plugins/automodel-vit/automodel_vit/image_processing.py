"""The image processors of ViT and DeiT."""

from __future__ import annotations

from automodel_core.vision import (
    IMAGENET_STANDARD_MEAN,
    IMAGENET_STANDARD_STD,
    BaseImageProcessor,
    ChannelValues,
    Resample,
    Resampling,
    Size,
    fixed_size,
)


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


class DeiTImageProcessor(ViTImageProcessor):
    """Resize to 256 x 256, take the middle 224 x 224, and scale as ViT does."""

    size: Size = fixed_size(256)
    resample: Resample = int(Resampling.BICUBIC)
    do_center_crop: bool | None = True
    crop_size: Size = fixed_size(224)


ViTFeatureExtractor = ViTImageProcessorFast = ViTImageProcessorPil = ViTImageProcessor
DeiTFeatureExtractor = DeiTImageProcessorFast = DeiTImageProcessorPil = DeiTImageProcessor
