"""The loss of reconstructed images."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

__all__ = ["hidden_pixel_loss"]


def hidden_pixel_loss(pixels: Tensor, pixel_values: Tensor, hidden: Tensor) -> Tensor:
    """Return the mean distance of images ``(batch, channels, height, width)`` in hidden patches.

    ``hidden`` is ``(batch, rows, columns)`` of the patches, true where one is hidden.
    """
    patch = [size // count for size, count in zip(pixels.shape[2:], hidden.shape[1:], strict=True)]
    weights = hidden[:, None].to(pixels.dtype)
    weights = weights.repeat_interleave(patch[0], 2).repeat_interleave(patch[1], 3)
    distances = F.l1_loss(pixels, pixel_values, reduction="none") * weights
    return distances.sum() / (weights.sum() + 1e-5) / pixels.shape[1]
