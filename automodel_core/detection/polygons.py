"""Outlines of objects as masks, pixel by pixel as COCO's own tools draw them.

An edge is walked in fifths of a pixel; where it crosses the middle of a column, inside and outside
change from there on, down the columns. It is the rule of ``rleFrPoly`` in the COCO API.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from automodel_core.errors import InputError, shown

__all__ = ["polygons_to_mask"]

FINER = 5


def polygons_to_mask(polygons: Sequence[Sequence[float]], height: int, width: int) -> Tensor:
    """Return the mask ``(height, width)`` of bool of what lies in any of the polygons.

    Each is a list x, y, x, y, ... of at least three corners, in pixels.
    """
    mask = torch.zeros(height, width, dtype=torch.bool)
    for polygon in polygons:
        if len(polygon) < 6 or len(polygon) % 2:
            raise InputError(
                f"{shown(list(polygon))} is no polygon: x and y of at least three corners"
            )
        mask |= _filled(torch.tensor(polygon, dtype=torch.float64).view(-1, 2), height, width)
    return mask


def _filled(corners: Tensor, height: int, width: int) -> Tensor:
    points = _outline((FINER * corners + 0.5).to(torch.int64))
    x, y = points.unbind(1)
    moved = (x[1:] != x[:-1]).nonzero()[:, 0]
    column = _unrefined(torch.where(x[1:] < x[:-1], x[1:], x[1:] - 1)[moved])
    row = _unrefined(torch.minimum(y[1:], y[:-1])[moved]).clamp(0, height).ceil()
    crossed = (column == column.floor()) & (column >= 0) & (column <= width - 1)
    starts = (column[crossed] * height + row[crossed]).to(torch.int64)
    changes = torch.bincount(starts, minlength=height * width + 1)[: height * width]
    inside = changes.cumsum(0) % 2 == 1
    return inside.view(width, height).t()


def _outline(corners: Tensor) -> Tensor:
    """Return the points of all edges, in their order, each a step from the last along its edge."""
    edges = []
    for start, end in zip(
        corners.tolist(), [*corners.tolist()[1:], corners[0].tolist()], strict=True
    ):
        (x, y), (to_x, to_y) = start, end
        wide, high = abs(to_x - x), abs(to_y - y)
        flat = wide >= high
        backwards = x > to_x if flat else y > to_y
        if backwards:
            (x, y), (to_x, to_y) = end, start
        steps = torch.arange((wide if flat else high) + 1, dtype=torch.float64)
        if backwards:
            steps = steps.flip(0)
        slope = ((to_y - y) / wide if flat else (to_x - x) / high) if max(wide, high) else 0.0
        along = steps + (x if flat else y)
        across = (slope * steps + (y if flat else x) + 0.5).trunc()
        edges.append(torch.stack([along, across] if flat else [across, along], dim=1))
    return torch.cat(edges)


def _unrefined(values: Tensor) -> Tensor:
    return (values + 0.5) / FINER - 0.5
