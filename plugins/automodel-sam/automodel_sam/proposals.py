"""Where an image is looked at for objects that nobody points at, and which masks of it are kept."""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor

CropBox = tuple[int, int, int, int]
EDGE = 20.0
"""Pixels beside the edge of a crop in which a mask may go on beyond it."""


def crop_boxes(height: int, width: int, crop_layers: int, overlap: float) -> list[list[CropBox]]:
    """Return the edges of the crops of each layer: the whole image, four crops, sixteen, ...

    Crops of the first layer share ``overlap`` of the shorter side, those of the next ones less.
    """
    boxes = [[(0, 0, width, height)]]
    for layer in range(1, crop_layers + 1):
        per_side = 2**layer
        shared = int(overlap * min(height, width) * 2 / per_side)
        wide, high = (
            math.ceil((shared * (per_side - 1) + edge) / per_side) for edge in (width, height)
        )
        lefts = [(wide - shared) * number for number in range(per_side)]
        tops = [(high - shared) * number for number in range(per_side)]
        boxes.append(
            [
                (left, top, min(left + wide, width), min(top + high, height))
                for left, top in itertools.product(lefts, tops)
            ]
        )
    return boxes


def point_grid(per_side: int) -> Tensor:
    """Return x and y ``(per_side ** 2, 2)`` of even points, as shares of an image, row by row."""
    shares = (torch.arange(per_side, dtype=torch.float64) + 0.5) / per_side
    rows, columns = torch.meshgrid(shares, shares, indexing="ij")
    return torch.stack([columns, rows], dim=-1).flatten(0, 1)


def stability(masks: Tensor, threshold: float, offset: float) -> Tensor:
    """Return how much of masks ``(count, height, width)`` another threshold leaves, from 0 to 1."""
    inner, outer = (
        (masks > threshold + distance).sum((-2, -1), dtype=torch.int32)
        for distance in (offset, -offset)
    )
    return inner / outer


def near_crop_edges(boxes: Tensor, crop: CropBox, height: int, width: int) -> Tensor:
    """Return which boxes ``(count, 4)`` in a crop end near its edge, which is not the image's."""
    left, top = crop[:2]
    edges = boxes + boxes.new_tensor([left, top, left, top])
    near_crop = (edges - edges.new_tensor(crop)).abs() <= EDGE
    near_image = (edges - edges.new_tensor([0, 0, width, height])).abs() <= EDGE
    return (near_crop & ~near_image).any(dim=1)
