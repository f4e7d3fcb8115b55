"""Batches of images of different sizes, with a mask that says where each image is."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from automodel_core.vision.image_processor import BaseImageProcessor

__all__ = ["MaskedImageProcessor", "pixel_mask"]


class MaskedImageProcessor(BaseImageProcessor):
    """Pads images right and below to the largest of a batch, and masks what is padded.

    Older files call ``do_pad`` ``pad_and_return_pixel_mask``.
    """

    model_input_names = ("pixel_values", "pixel_mask")
    former_names: ClassVar = {"pad_and_return_pixel_mask": "do_pad"}

    do_pad: bool | None = True

    def batched(self, images: list[Tensor]) -> dict[str, list[Tensor]]:
        """Return ``pixel_values`` and, if they are padded, ``pixel_mask`` ``(height, width)``."""
        features = super().batched(images)
        if self.do_pad:
            padded = features["pixel_values"]
            pairs = zip(images, padded, strict=True)
            features["pixel_mask"] = [pixel_mask(image, whole) for image, whole in pairs]
        return features


def pixel_mask(image: Tensor, padded: Tensor) -> Tensor:
    """Return 1 where ``padded`` ``(channels, height, width)`` shows the image, and 0 elsewhere."""
    mask = torch.zeros(padded.shape[-2:], dtype=torch.long, device=padded.device)
    mask[: image.shape[-2], : image.shape[-1]] = 1
    return mask
