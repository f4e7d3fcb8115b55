"""Masks at the size of their pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

TAPS = 4
"""Two steps of linear interpolation make a number of at most as many."""


@dataclass(frozen=True)
class Enlarging:
    """From a mask to its picture: enlarged to the model's image, cut there, and resized.

    Both steps are bilinear, so that together they are a product for the columns, and a few weights
    for each row: nothing of the model's image is made.
    """

    columns: Tensor
    """``(mask's columns, picture's columns)``."""
    places: Tensor
    weights: Tensor
    """Which rows of a mask make a row of the picture, and how much of each: ``(rows, taps)``."""

    @classmethod
    def between(
        cls, mask: Tensor, padded: Sequence[int], cut: Sequence[int], picture: Sequence[int]
    ) -> Enlarging:
        """Make it for ``mask`` ``(..., rows, columns)`` and three heights and widths."""
        rows, columns = (
            two_steps(mask.shape[axis - 2], padded[axis], cut[axis], picture[axis], mask.device)
            for axis in (0, 1)
        )
        weights, places = rows.t().topk(min(TAPS, rows.shape[0]), dim=1)
        needed = int((weights > 0).any(dim=0).sum())
        return cls(columns, places[:, :needed], weights[:, :needed])

    def __call__(self, mask: Tensor) -> Tensor:
        """Return the picture ``(height, width)`` of a mask ``(rows, columns)``."""
        wide = mask.to(self.columns.dtype) @ self.columns
        picture: Tensor | None = None
        for tap in range(self.places.shape[1]):
            rows, weights = wide.index_select(0, self.places[:, tap]), self.weights[:, tap, None]
            picture = rows.mul_(weights) if picture is None else picture.addcmul_(rows, weights)
        return wide if picture is None else picture


def two_steps(length: int, padded: int, cut: int, picture: int, device: torch.device) -> Tensor:
    """Return the matrix ``(length, picture)`` of two interpolations of an edge."""
    numbers = torch.eye(length, device=device)[None]
    longer = F.interpolate(numbers, padded, mode="linear", align_corners=False)[..., :cut]
    return F.interpolate(longer, picture, mode="linear", align_corners=False)[0]
