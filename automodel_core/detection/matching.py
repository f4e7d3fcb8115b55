"""Which query answers for which object: the cheapest pairs of two sets.

It is the assignment problem, solved by shortest augmenting paths (R. Jonker and A. Volgenant, "A
shortest augmenting path algorithm for dense and sparse linear assignment problems", 1987).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from automodel_core.detection.boxes import center_to_corners, generalized_box_iou

__all__ = [
    "Pairs",
    "assign",
    "box_costs",
    "cross_entropy_costs",
    "dice_costs",
    "focal_costs",
    "match",
    "match_each",
]

Pairs = tuple[Tensor, Tensor]
"""Numbers of queries, ascending, and of the objects that they answer for."""


def match(costs: Tensor, counts: Sequence[int]) -> list[Pairs]:
    """Return the cheapest pairs of each image.

    ``costs`` ``(batch, queries, objects)`` has the objects of all images, one image after the
    other, ``counts`` says how many each has. Costs that are no finite numbers are the highest.
    """
    own = costs.split(list(counts), dim=-1)
    return match_each([of_image[number] for number, of_image in enumerate(own)])


def match_each(costs: Sequence[Tensor]) -> list[Pairs]:
    """Return the cheapest pairs by the costs ``(queries, objects)`` of each image."""
    found = []
    for own in costs:
        most = torch.finfo(own.dtype).max
        finite = torch.nan_to_num(own.detach(), nan=most, posinf=most, neginf=most)
        found.append(assign(finite.cpu()))
    return found


def box_costs(
    logits: Tensor, boxes: Tensor, targets: Sequence[Mapping[str, Tensor]], weights: Sequence[float]
) -> Tensor:
    """Return the costs ``(batch, queries, objects)`` of https://arxiv.org/abs/2005.12872.

    ``logits`` are ``(batch, queries, classes)``, ``boxes`` ``(batch, queries, 4)`` centres and
    sizes. ``targets`` have ``class_labels`` ``(objects,)`` and ``boxes`` ``(objects, 4)``.
    ``weights`` are those of the class, of the distance of boxes, and of how badly they fit.
    """
    batch, queries = logits.shape[:2]
    found = boxes.flatten(0, 1)
    classes = torch.cat([target["class_labels"] for target in targets])
    wanted = torch.cat([target["boxes"] for target in targets]).to(found)
    of_class, of_distance, of_fit = weights
    costs = (
        of_distance * torch.cdist(found, wanted, p=1)
        - of_class * logits.flatten(0, 1).softmax(-1)[:, classes]
        - of_fit * generalized_box_iou(center_to_corners(found), center_to_corners(wanted))
    )
    return costs.view(batch, queries, -1)


def focal_costs(masks: Tensor, wanted: Tensor, alpha: float = 0.25, gamma: float = 2.0) -> Tensor:
    """Return the focal loss ``(queries, objects)`` of each mask with each that is wanted.

    ``masks`` ``(queries, pixels)`` are logits, ``wanted`` ``(objects, pixels)`` is 0 or 1. A loss
    is the mean over pixels.
    """
    shares = masks.sigmoid()
    inside = alpha * (1 - shares) ** gamma * F.softplus(-masks)
    outside = (1 - alpha) * shares**gamma * F.softplus(masks)
    return (inside @ wanted.t() + outside @ (1 - wanted).t()) / masks.shape[1]


def cross_entropy_costs(masks: Tensor, wanted: Tensor) -> Tensor:
    """Return the cross-entropy of each mask with each that is wanted, as `focal_costs`."""
    return (F.softplus(masks).sum(1)[:, None] - masks @ wanted.t()) / masks.shape[1]


def dice_costs(masks: Tensor, wanted: Tensor) -> Tensor:
    """Return how little each mask overlaps with each that is wanted, as `focal_costs`."""
    shares = masks.sigmoid()
    both = shares.sum(1)[:, None] + wanted.sum(1)
    return 1 - (2 * shares @ wanted.t() + 1) / (both + 1)


def assign(costs: Tensor) -> Pairs:
    """Return the pairs of rows and columns, one of each at most, whose costs sum to the least.

    ``costs`` ``(rows, columns)`` are finite; every row or every column is in a pair.
    """
    try:
        from scipy.optimize import linear_sum_assignment
    except ImportError:
        pairs = cheapest_pairs(costs.tolist())
        rows, columns = zip(*pairs, strict=True) if pairs else ((), ())
    else:
        rows, columns = linear_sum_assignment(costs.numpy())
    return torch.as_tensor(rows, dtype=torch.int64), torch.as_tensor(columns, dtype=torch.int64)


def cheapest_pairs(costs: list[list[float]]) -> list[tuple[int, int]]:
    """Return rows, ascending, and their columns, as `assign`, without another library."""
    if not costs or not costs[0]:
        return []
    if len(costs) > len(costs[0]):
        turned = [list(column) for column in zip(*costs, strict=True)]
        return sorted((row, column) for column, row in cheapest_pairs(turned))
    columns = range(len(costs[0]))
    row_of: dict[int, int] = {}  # by column
    row_price = [0.0] * len(costs)
    column_price = [0.0] * len(columns)
    for start in range(len(costs)):
        # The shortest path from this row to a column without one, over columns that change theirs.
        distance, before = [math.inf] * len(columns), [-1] * len(columns)
        unseen, seen = list(columns), []
        row, column, reached = start, -1, 0.0
        while True:
            base = reached - row_price[row]
            row_costs = costs[row]
            for other in unseen:
                there = base + row_costs[other] - column_price[other]
                if there < distance[other]:
                    distance[other], before[other] = there, column
            column = min(unseen, key=distance.__getitem__)
            reached = distance[column]
            if column not in row_of:
                break
            unseen.remove(column)
            seen.append(column)
            row = row_of[column]
        row_price[start] += reached
        for other in seen:
            row_price[row_of[other]] += reached - distance[other]
            column_price[other] -= reached - distance[other]
        while column >= 0:
            row_of[column] = row_of[before[column]] if before[column] >= 0 else start
            column = before[column]
    return sorted((row, column) for column, row in row_of.items())
