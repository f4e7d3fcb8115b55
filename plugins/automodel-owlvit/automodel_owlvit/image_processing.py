"""The image processors of OWL-ViT and OWLv2."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from automodel_core.vision import (
    OPENAI_CLIP_MEAN,
    OPENAI_CLIP_STD,
    BaseImageProcessor,
    ChannelValues,
    Resample,
    Resampling,
    Size,
    fixed_size,
    output_size,
    pad,
)
from automodel_owlvit.post_processing import BoxQueryPostProcessing

REACH = 4.0
"""How many standard deviations of the Gaussian are summed up."""


class OwlViTImageProcessor(BoxQueryPostProcessing, BaseImageProcessor):
    """Resize to 768 x 768, whatever the picture's shape, and scale.

    The first files call ``do_rescale`` ``rescale``.
    """

    former_names: ClassVar = {"rescale": "do_rescale"}

    do_resize: bool | None = True
    size: Size = fixed_size(768)
    resample: Resample = int(Resampling.BICUBIC)
    do_center_crop: bool | None = False
    crop_size: Size = fixed_size(768)
    do_rescale: bool | None = True
    rescale_factor: float = 1 / 255
    do_normalize: bool | None = True
    image_mean: ChannelValues = OPENAI_CLIP_MEAN
    image_std: ChannelValues = OPENAI_CLIP_STD
    do_convert_rgb: bool | None = True


class Owlv2ImageProcessor(BoxQueryPostProcessing, BaseImageProcessor):
    """Pad right and below to a square, resize it to 960 x 960, and scale.

    ``pad_value``, of values from 0 to 1, is black; transformers 4 padded with grey, 0.5. The filter
    is not one of Pillow's, so that ``resample`` has no effect.
    """

    former_names: ClassVar = {"rescale": "do_rescale"}

    do_pad: bool | None = True
    pad_value: float = 0.0
    do_resize: bool | None = True
    size: Size = fixed_size(960)
    resample: Resample = int(Resampling.BILINEAR)
    do_rescale: bool | None = True
    rescale_factor: float = 1 / 255
    do_normalize: bool | None = True
    image_mean: ChannelValues = OPENAI_CLIP_MEAN
    image_std: ChannelValues = OPENAI_CLIP_STD
    do_convert_rgb: bool | None = True

    def transform(self, image: Tensor) -> Tensor:
        image = self.rescaled(image)
        height, width = image.shape[-2:]
        if self.do_pad:
            edge = max(height, width)
            image = pad(image, bottom=edge - height, right=edge - width, value=self.pad_value)
        if self.do_resize:
            size = output_size(image.shape, self.required("size", "do_resize"))
            image = blurred_and_resized(image, size)
        return self.normalized(image)

    def batched(self, images: list[Tensor]) -> dict[str, list[Tensor]]:
        """Return the images, each of which has been padded by itself."""
        return {"pixel_values": images}

    def spans(self, sizes: Sequence[tuple[int, int]] | Tensor, boxes: Tensor) -> Tensor:
        """Return the longer edge of each image, which that of the square is."""
        return super().spans(sizes, boxes).amax(dim=-1, keepdim=True)


def blurred_and_resized(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize an image as scikit-image does: blurred where it shrinks, then linearly."""
    image = image.float()
    for axis, length in zip((1, 2), size, strict=True):
        before = image.shape[axis]
        if before != length:
            places, weights = taps(before, length)
            shape = [length if dimension == axis else 1 for dimension in range(3)]
            parts = (
                image.index_select(axis, place.to(image.device)) * weight.view(shape)
                for place, weight in zip(places, weights.to(image.device), strict=True)
            )
            image = functools.reduce(Tensor.add_, parts)
    return image


@functools.lru_cache(maxsize=32)
def taps(before: int, after: int) -> tuple[Tensor, Tensor]:
    """Return the pixels ``(taps, after)`` of an edge that each new pixel is made of, and weights.

    Beyond its ends the edge is mirrored, without repeating the last pixel.
    """
    factor = before / after
    spread = max(0.0, (factor - 1) / 2)
    reach = int(REACH * spread + 0.5)
    center = (torch.arange(after, dtype=torch.float64) + 0.5) * factor - 0.5
    first = center.floor()
    share = center - first
    steps = torch.arange(-reach, reach + 1, dtype=torch.float64)
    bell = torch.exp(-0.5 * (steps / (spread or 1.0)) ** 2)
    bell = bell / bell.sum()
    weights = torch.zeros(2 * reach + 2, after, dtype=torch.float64)
    weights[:-1] += bell[:, None] * (1 - share)
    weights[1:] += bell[:, None] * share
    places = first + torch.arange(-reach, reach + 2)[:, None]
    period = max(2 * before - 2, 1)
    turned = places.long() % period
    return torch.minimum(turned, period - turned).clamp(max=before - 1), weights.float()


OwlViTFeatureExtractor = OwlViTImageProcessorFast = OwlViTImageProcessorPil = OwlViTImageProcessor
Owlv2ImageProcessorFast = Owlv2ImageProcessorPil = Owlv2ImageProcessor
