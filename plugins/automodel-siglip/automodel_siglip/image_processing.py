"""The image processor of SigLIP."""

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


class SiglipImageProcessor(BaseImageProcessor):
    """Resize to 224 x 224 and scale to numbers from -1 to 1."""

    default_to_square: bool = False

    do_resize: bool | None = True
    size: Size = fixed_size(224)
    resample: Resample = int(Resampling.BICUBIC)
    do_rescale: bool | None = True
    rescale_factor: float = 1 / 255
    do_normalize: bool | None = True
    image_mean: ChannelValues = IMAGENET_STANDARD_MEAN
    image_std: ChannelValues = IMAGENET_STANDARD_STD
    do_convert_rgb: bool | None = True


SiglipFeatureExtractor = SiglipImageProcessorFast = SiglipImageProcessorPil = SiglipImageProcessor
