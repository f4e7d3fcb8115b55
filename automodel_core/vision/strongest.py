"""Which of many maps is strongest at each pixel of a picture, without all of them at its size.

Some rows at a time are resized, so that values stay in the processor's cache, and only of maps that
may be strongest there: what is resized lies between the values that it is a mix of.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["RowBlock", "contenders", "row_blocks", "strongest", "strongest_map"]

BLOCK = 1 << 20
"""About how many values are computed at once."""


@dataclass(frozen=True)
class RowBlock:
    """Some rows of a picture, each a mix of an ``upper`` and a ``lower`` row of maps.

    ``maps`` ``(count, rows, columns)`` are the part that is read, ``lower`` has a share of
    ``shares`` ``(rows, 1)``.
    """

    maps: Tensor
    upper: Tensor
    lower: Tensor
    shares: Tensor
    width: int

    def resized(self, numbers: Tensor | None = None) -> Tensor:
        """Return ``(count, rows, width)``, the maps or those of ``numbers`` resized bilinearly."""
        size = (self.maps.shape[1], self.width)
        read = self.maps if numbers is None else self.maps[numbers]
        wide = F.interpolate(read[None], size, mode="bilinear", align_corners=False)[0]
        mixed = wide.index_select(1, self.upper)
        return mixed.lerp_(wide.index_select(1, self.lower), self.shares)


def strongest_map(maps: Tensor, size: tuple[int, int] | None = None) -> Tensor:
    """Return the number of the strongest of ``(count, rows, columns)`` at each pixel of ``size``.

    Of equal ones it is the first.
    """
    if size is None:
        return maps.argmax(dim=0)
    parts = []
    for block in row_blocks(maps, size):
        numbers = contenders(block.maps).nonzero()[:, 0]
        parts.append(numbers[strongest(block.resized(numbers))])
    return torch.cat(parts)


def row_blocks(maps: Tensor, size: tuple[int, int]) -> Iterator[RowBlock]:
    """Yield the rows of a picture of ``size``, some at a time, from the top."""
    maps = maps if maps.dtype == torch.float64 else maps.float()
    height, width = size
    places = torch.arange(height, dtype=maps.dtype, device=maps.device) + 0.5
    places = (places * (maps.shape[-2] / height) - 0.5).clamp(min=0.0)
    above = places.long()
    below = (above + 1).clamp(max=maps.shape[-2] - 1)
    shares = (places - above)[:, None]
    rows = max(1, BLOCK // (width * max(1, len(maps))))
    for upper, lower, share in zip(*(x.split(rows) for x in (above, below, shares)), strict=True):
        first, last = int(upper[0]), int(lower[-1]) + 1
        yield RowBlock(maps[:, first:last], upper - first, lower - first, share, width)


def contenders(maps: Tensor) -> Tensor:
    """Return which of maps ``(count, rows, columns)`` may be strongest once they are resized.

    At each pixel one is at least as strong as at the weakest of its corners.
    """
    corners = [min(2, edge) for edge in maps.shape[1:]]
    surely = -F.max_pool2d(-maps[None], corners, stride=1)[0]
    found: Tensor = maps.amax(dim=(1, 2)) >= surely.amax(dim=0).min()
    return found if bool(found.any()) else torch.ones_like(found)


def strongest(maps: Tensor) -> Tensor:
    """Return the number of the strongest of maps at each pixel; the maps are overwritten."""
    count = len(maps)
    order = torch.arange(count, 0, -1, dtype=maps.dtype, device=maps.device)[:, None, None]
    # Two maxima take less time than argmax across the first dimension.
    first = maps.eq_(maps.amax(dim=0)).mul_(order).amax(dim=0)
    return (count - first.long()).clamp(max=count - 1)
