"""Donut's image processor: pages of documents to model inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from automodel_core.errors import InputError
from automodel_core.vision import (
    IMAGENET_STANDARD_MEAN,
    IMAGENET_STANDARD_STD,
    BaseImageProcessor,
    ChannelValues,
    Resample,
    Resampling,
    Size,
    fixed_size,
    output_size,
    pad,
    resize,
)


class DonutImageProcessor(BaseImageProcessor):
    """Fit a page into ``size``, as large as its proportions allow, and pad it on all sides.

    Two numbers as size are width and height, as Donut's first files have them.
    """

    do_convert_rgb: bool | None = True
    do_resize: bool | None = True
    size: Size = fixed_size(2560, 1920)
    resample: Resample = int(Resampling.BILINEAR)
    do_thumbnail: bool | None = True
    do_align_long_axis: bool | None = False
    do_pad: bool | None = True
    do_rescale: bool | None = True
    rescale_factor: float = 1 / 255
    do_normalize: bool | None = True
    image_mean: ChannelValues = IMAGENET_STANDARD_MEAN
    image_std: ChannelValues = IMAGENET_STANDARD_STD
    random_padding: bool | None = False
    """Whether the page lies anywhere in ``size``, as in training, or in the middle."""

    def normalised(self, name: str, value: Any) -> Any:
        if name == "size" and isinstance(value, Sequence):
            value = list(reversed(value))
        return super().normalised(name, value)

    def transform(self, image: Tensor) -> Tensor:
        height, width = self.page()
        if self.do_align_long_axis and (height - width) * (image.shape[-2] - image.shape[-1]) < 0:
            image = image.rot90(-1, (-2, -1))
        if self.do_resize:
            edge = output_size(image.shape, {"shortest_edge": min(height, width)})
            image = resize(image, edge, self.resample)
        if self.do_thumbnail:
            image = self.thumbnail(image, height, width)
        if self.do_pad:
            image = self.pad_around(image, height, width)
        return self.scale(self.cropped(image))

    def page(self) -> tuple[int, int]:
        """Return the height and width of the output."""
        if self.size is None or "height" not in self.size:
            raise InputError(f"DonutImageProcessor needs a height and a width, got {self.size}")
        return self.size["height"], self.size["width"]

    def thumbnail(self, image: Tensor, height: int, width: int) -> Tensor:
        """Return the image, smaller if it is higher or wider than that."""
        own_height, own_width = image.shape[-2:]
        height, width = min(height, own_height), min(width, own_width)
        if (height, width) == (own_height, own_width):
            return image
        if own_height > own_width:
            width = int(own_width * height / own_height)
        elif own_width > own_height:
            height = int(own_height * width / own_width)
        # As Pillow's own thumbnail does, and Donut's first implementation with it.
        return resize(image, (height, width), Resampling.BICUBIC, reducing_gap=2.0)

    def pad_around(self, image: Tensor, height: int, width: int) -> Tensor:
        """Return the image in the middle of zeros, or anywhere with ``random_padding``."""
        below, beside = height - image.shape[-2], width - image.shape[-1]
        if below < 0 or beside < 0:
            raise InputError(
                f"an image of {image.shape[-2]} x {image.shape[-1]} is too large to be padded to "
                f"{height} x {width}: do_thumbnail=True makes it fit"
            )
        top, left = below // 2, beside // 2
        if self.random_padding:
            top, left = (int(torch.randint(space + 1, ())) for space in (below, beside))
        return pad(image, top=top, bottom=below - top, left=left, right=beside - left)

    def pad_batch(self, images: list[Tensor]) -> list[Tensor]:
        """Return the images as they are: `transform` has padded each."""
        return images


DonutFeatureExtractor = DonutImageProcessorFast = DonutImageProcessorPil = DonutImageProcessor
