"""Boxes: tensors ``(..., 4)`` of left, upper, right and lower edge, or of centre and size."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from automodel_core.errors import InputError

__all__ = [
    "box_area",
    "box_iou",
    "center_to_corners",
    "corners_to_center",
    "edge_spans",
    "enclosing_boxes",
    "generalized_box_iou",
    "paired_generalized_iou",
    "scale_boxes",
]


def center_to_corners(boxes: Tensor) -> Tensor:
    """Return the edges of boxes that are given by centre x, centre y, width and height."""
    center, size = boxes.chunk(2, dim=-1)
    edges = center.sub(size, alpha=0.5), center.add(size, alpha=0.5)
    return torch.cat(edges, dim=-1)


def corners_to_center(boxes: Tensor) -> Tensor:
    """Return centre x, centre y, width and height of boxes that are given by their edges."""
    upper_left, lower_right = boxes[..., :2], boxes[..., 2:]
    return torch.cat([(upper_left + lower_right) / 2, lower_right - upper_left], dim=-1)


def scale_boxes(boxes: Tensor, sizes: Sequence[tuple[int, int]] | Tensor) -> Tensor:
    """Return boxes ``(batch, count, 4)`` of shares of an image as pixels.

    ``sizes`` are height and width of each image.
    """
    return boxes * edge_spans(sizes, boxes)[:, None]


def edge_spans(sizes: Sequence[tuple[int, int]] | Tensor, boxes: Tensor) -> Tensor:
    """Return how many pixels the edges ``(images, 4)`` of boxes are shares of.

    ``sizes`` are height and width of each image. Raises `InputError` for other than one for each.
    """
    if len(sizes) != len(boxes):
        raise InputError(f"{len(sizes)} target_sizes were given for {len(boxes)} images")
    rows = sizes.tolist() if isinstance(sizes, Tensor) else sizes
    spans = [(width, height, width, height) for height, width in rows]
    return torch.tensor(spans, dtype=boxes.dtype, device=boxes.device)


def box_area(boxes: Tensor) -> Tensor:
    """Return the area ``(...)`` of boxes that are given by their edges."""
    width, height = (_widened(boxes)[..., 2:] - _widened(boxes)[..., :2]).unbind(-1)
    return width * height


def box_iou(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Return the shares that each two boxes have in common, and the areas that they cover together.

    ``first`` ``(n, 4)`` and ``second`` ``(m, 4)`` are given by their edges; both results are
    ``(n, m)``.
    """
    return _overlap(first[:, None], second)


def generalized_box_iou(first: Tensor, second: Tensor) -> Tensor:
    """Return how well each two boxes fit, from -1 to 1: https://giou.stanford.edu.

    ``first`` ``(n, 4)`` and ``second`` ``(m, 4)`` are given by their edges; the result is
    ``(n, m)``. Raises `InputError` for a box whose right edge lies left of its left one.
    """
    return _generalized(first[:, None], second)


def paired_generalized_iou(first: Tensor, second: Tensor) -> Tensor:
    """Return how well the boxes ``(n, 4)`` of each pair fit, ``(n,)``, as `generalized_box_iou`."""
    return _generalized(first, second)


def enclosing_boxes(masks: Tensor) -> Tensor:
    """Return the edges ``(count, 4)`` of the boxes around masks ``(count, height, width)``.

    They are the first and last columns and rows that a mask has; zeros for an empty mask.
    """
    shown = masks.bool()
    edges = []
    for axis in (1, 2):  # columns are what is left without rows
        found = shown.any(dim=axis)
        numbers = torch.arange(found.shape[1], device=masks.device)
        last = (numbers * found).amax(dim=1) if found.numel() else found.new_zeros(len(masks))
        first = torch.where(found, numbers, found.shape[1]).amin(dim=1) if found.numel() else last
        edges.append((torch.minimum(first, last), last))
    (left, right), (upper, lower) = edges
    return torch.stack([left, upper, right, lower], dim=1).to(torch.float32)


def _overlap(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    upper_left = torch.maximum(first[..., :2], second[..., :2])
    lower_right = torch.minimum(first[..., 2:], second[..., 2:])
    width, height = (lower_right - upper_left).clamp(min=0).unbind(-1)
    common = width * height
    covered = box_area(first) + box_area(second) - common
    return common / covered, covered


def _generalized(first: Tensor, second: Tensor) -> Tensor:
    for boxes in (first, second):
        if bool((boxes[..., 2:] < boxes[..., :2]).any()):
            raise InputError(
                "boxes are given by left, upper, right and lower edge, in this order; there is one "
                "whose right or lower edge comes first"
            )
    iou, covered = _overlap(first, second)
    upper_left = torch.minimum(first[..., :2], second[..., :2])
    lower_right = torch.maximum(first[..., 2:], second[..., 2:])
    width, height = (lower_right - upper_left).unbind(-1)
    around = width * height
    return iou - (around - covered) / around


def _widened(boxes: Tensor) -> Tensor:
    """Return boxes in a type that holds their areas."""
    if boxes.is_floating_point():
        return boxes if boxes.dtype in (torch.float32, torch.float64) else boxes.float()
    return boxes if boxes.dtype in (torch.int32, torch.int64) else boxes.int()
