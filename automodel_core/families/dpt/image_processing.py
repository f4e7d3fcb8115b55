"""The image processors of DPT and its descendants, and of the backbones that they stand on."""

from __future__ import annotations

import math

from torch import Tensor

from automodel_core.fields import PositiveInt
from automodel_core.vision.cropped import CenterCropImageProcessor
from automodel_core.vision.depth import DepthPostProcessing
from automodel_core.vision.segmentation import SegmentationImageProcessor
from automodel_core.vision.settings import (
    IMAGENET_STANDARD_MEAN,
    IMAGENET_STANDARD_STD,
    ChannelValues,
    Resample,
    Resampling,
    Size,
    fixed_size,
)
from automodel_core.vision.transforms import output_size, pad, resize

__all__ = [
    "BitImageProcessor",
    "BitImageProcessorFast",
    "BitImageProcessorPil",
    "DPTFeatureExtractor",
    "DPTImageProcessor",
    "DPTImageProcessorFast",
    "DPTImageProcessorPil",
]


class BitImageProcessor(CenterCropImageProcessor):
    """Resize the shortest edge to 224, take the middle, and normalise."""


class DPTImageProcessor(DepthPostProcessing, SegmentationImageProcessor):
    """Resize to multiples of a number of pixels, near a size, and pad around the picture."""

    do_resize: bool | None = True
    size: Size = fixed_size(384)
    resample: Resample = int(Resampling.BICUBIC)
    keep_aspect_ratio: bool = False
    """Whether both edges are scaled by one factor: that of height and width which is nearer 1."""
    ensure_multiple_of: PositiveInt = 1
    do_rescale: bool | None = True
    rescale_factor: float = 1 / 255
    do_normalize: bool | None = True
    image_mean: ChannelValues = IMAGENET_STANDARD_MEAN
    image_std: ChannelValues = IMAGENET_STANDARD_STD
    do_pad: bool | None = False
    size_divisor: PositiveInt | None = None
    """With ``do_pad`` the picture stands in the middle of multiples of so many pixels."""
    do_reduce_labels: bool | None = False

    def transform(self, image: Tensor) -> Tensor:
        if self.do_resize:
            image = resize(image, self.resized_size(image), self.resample)
        image = self.scale(self.cropped(image))
        if not self.do_pad:
            return image
        divisor = self.required("size_divisor", "do_pad")
        missing = [-edge % divisor for edge in image.shape[-2:]]
        (top, left), (rows, columns) = (edge // 2 for edge in missing), missing
        return pad(image, top=top, bottom=rows - top, left=left, right=columns - left)

    def pad_batch(self, images: list[Tensor]) -> list[Tensor]:
        """Return the images, each of which is padded by itself."""
        return images

    def resized_size(self, image: Tensor) -> tuple[int, int]:
        """Return the height and width that an image is resized to."""
        edges = image.shape[-2:]
        target = output_size(edges, self.required("size", "do_resize"))
        scales = [wanted / edge for wanted, edge in zip(target, edges, strict=True)]
        if self.keep_aspect_ratio:
            scales = [min(scales, key=lambda scale: abs(1 - scale))] * 2
        multiple = self.ensure_multiple_of
        height, width = (
            round(scale * edge / multiple) * multiple
            or math.ceil(scale * edge / multiple) * multiple
            for scale, edge in zip(scales, edges, strict=True)
        )
        return height, width


BitImageProcessorFast = BitImageProcessorPil = BitImageProcessor
DPTFeatureExtractor = DPTImageProcessorFast = DPTImageProcessorPil = DPTImageProcessor
