"""The image processors of SegFormer and GLPN."""

from __future__ import annotations

from torch import Tensor

from automodel_core.fields import PositiveInt
from automodel_core.vision import (
    IMAGENET_DEFAULT_MEAN,
    IMAGENET_DEFAULT_STD,
    BaseImageProcessor,
    ChannelValues,
    DepthPostProcessing,
    Resample,
    Resampling,
    SegmentationImageProcessor,
    Size,
    fixed_size,
    resize,
)


class SegformerImageProcessor(SegmentationImageProcessor):
    """Resize to 512 x 512 and normalise as ImageNet's pictures are."""

    do_resize: bool | None = True
    size: Size = fixed_size(512)
    resample: Resample = int(Resampling.BILINEAR)
    do_rescale: bool | None = True
    rescale_factor: float = 1 / 255
    do_normalize: bool | None = True
    image_mean: ChannelValues = IMAGENET_DEFAULT_MEAN
    image_std: ChannelValues = IMAGENET_DEFAULT_STD


class GLPNImageProcessor(BaseImageProcessor, DepthPostProcessing):
    """Resize to multiples of ``size_divisor``, and scale to numbers from 0 to 1."""

    do_resize: bool | None = True
    size_divisor: PositiveInt = 32
    """Height and width are rounded down to a multiple of it, and up where they are smaller."""
    resample: Resample = int(Resampling.BILINEAR)
    do_rescale: bool | None = True
    rescale_factor: float = 1 / 255
    do_normalize: bool | None = False
    do_convert_rgb: bool | None = True

    def transform(self, image: Tensor) -> Tensor:
        if self.do_resize:
            multiple = self.size_divisor
            height, width = (max(edge // multiple, 1) * multiple for edge in image.shape[-2:])
            image = resize(image, (height, width), self.resample)
        return self.scale(image)


SegformerFeatureExtractor = SegformerImageProcessorFast = SegformerImageProcessor
SegformerImageProcessorPil = SegformerImageProcessor
GLPNFeatureExtractor = GLPNImageProcessorFast = GLPNImageProcessorPil = GLPNImageProcessor
