"""The image processor of ResNet's checkpoints, which is ConvNeXT's."""

from __future__ import annotations

from torch import Tensor

from automodel_core.fields import PositiveFloat
from automodel_core.vision import (
    IMAGENET_STANDARD_MEAN,
    IMAGENET_STANDARD_STD,
    BaseImageProcessor,
    ChannelValues,
    Resample,
    Resampling,
    Size,
    center_crop,
    output_size,
    resize,
)

WHOLE = 384
"""From this edge on, an image is squashed into a square, and nothing of it is cut off."""
SQUARE: Size = {"shortest_edge": WHOLE}


class ConvNextImageProcessor(BaseImageProcessor):
    """Resize to a square, of which smaller ones are the middle of a larger image."""

    default_to_square = False
    do_resize: bool | None = True
    size: Size = SQUARE
    resample: Resample = int(Resampling.BICUBIC)
    crop_pct: PositiveFloat | None = 224 / 256
    """The edge of a small square, as a share of the shortest edge of what it is cut out of."""
    do_rescale: bool | None = True
    rescale_factor: float = 1 / 255
    do_normalize: bool | None = True
    image_mean: ChannelValues = IMAGENET_STANDARD_MEAN
    image_std: ChannelValues = IMAGENET_STANDARD_STD

    def transform(self, image: Tensor) -> Tensor:
        return self.scale(self.cropped(self.resized(image) if self.do_resize else image))

    def resized(self, image: Tensor) -> Tensor:
        """Return a square of the size that the settings give it."""
        size = self.required("size", "do_resize")
        edge = size.get("shortest_edge", 0)
        if edge >= WHOLE or not edge:
            whole = (edge, edge) if edge else output_size(image.shape, size)
            return resize(image, whole, self.resample)
        around = {"shortest_edge": int(edge / self.required("crop_pct", "do_resize"))}
        image = resize(image, output_size(image.shape, around), self.resample)
        return center_crop(image, edge, edge)


ConvNextFeatureExtractor = ConvNextImageProcessorFast = ConvNextImageProcessor
ConvNextImageProcessorPil = ConvNextImageProcessor
