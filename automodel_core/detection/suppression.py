"""Boxes that say the same as a better one are left out."""

from __future__ import annotations

import torch
from torch import Tensor

from automodel_core.detection.boxes import box_iou

__all__ = ["keep_best", "keep_best_of_each"]

BLOCK = 128
"""How many boxes are compared with each other at once, and then with all that are left."""


def keep_best(boxes: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """Return the numbers of the boxes that overlap with no better one, the best first.

    ``boxes`` ``(n, 4)`` are edges. Two that have more than ``iou_threshold`` in common are the
    same.
    """
    left = scores.argsort(descending=True, stable=True)
    kept = [left[:0]]
    while len(left):
        block, left = left[:BLOCK], left[BLOCK:]
        block = block[_alone(box_iou(boxes[block], boxes[block])[0] > iou_threshold)]
        kept.append(block)
        if len(left):
            same = box_iou(boxes[left], boxes[block])[0] > iou_threshold
            left = left[~same.any(dim=1)]
    return torch.cat(kept)


def _alone(same: Tensor) -> Tensor:
    """Return which boxes ``(n,)``, the best first, are the same ``(n, n)`` as none before them."""
    among = same.cpu()
    suppressed = torch.zeros(len(among), dtype=torch.bool)
    for number in range(len(among)):
        if not suppressed[number]:
            suppressed[number + 1 :] |= among[number, number + 1 :]
    return ~suppressed.to(same.device)


def keep_best_of_each(
    boxes: Tensor, scores: Tensor, groups: Tensor, iou_threshold: float
) -> Tensor:
    """Return the same within groups ``(n,)``: boxes of two groups never suppress each other."""
    if not len(boxes):
        return torch.zeros(0, dtype=torch.int64, device=boxes.device)
    kept = [
        numbers[keep_best(boxes[numbers], scores[numbers], iou_threshold)]
        for numbers in ((groups == group).nonzero()[:, 0] for group in groups.unique())
    ]
    together = torch.cat(kept)
    return together[scores[together].argsort(descending=True, stable=True)]
