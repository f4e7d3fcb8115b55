"""Boxes that say the same as a better one are left out."""

from __future__ import annotations

import torch
from torch import Tensor

from automodel_core.detection.boxes import box_iou

__all__ = ["keep_best", "keep_best_of_each"]


def keep_best(boxes: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """Return the numbers of the boxes that overlap with no better one, the best first.

    ``boxes`` ``(n, 4)`` are edges. Two that have more than ``iou_threshold`` in common are the
    same.
    """
    order = scores.argsort(descending=True, stable=True)
    same = box_iou(boxes[order], boxes[order])[0] > iou_threshold
    suppressed = torch.zeros(len(order), dtype=torch.bool, device=boxes.device)
    for number in range(len(order)):
        if not suppressed[number]:
            suppressed[number + 1 :] |= same[number, number + 1 :]
    return order[~suppressed]


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
