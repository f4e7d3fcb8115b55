"""Instances: segments that may overlap, each of a query and a class."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["instance_segments"]

EPSILON = 1e-6


def instance_segments(
    logits: Tensor, masks: Tensor, threshold: float, size: tuple[int, int] | None = None
) -> tuple[Tensor, Tensor, list[dict[str, Any]]]:
    """Return the map ``(height, width)`` of an image, masks of its instances, and what these are.

    ``logits`` are ``(queries, classes + 1)``, the last of them "no object", ``masks``
    ``(queries, rows, columns)`` logits; the map is resized to ``size``. As many pairs of a query
    and a class are looked at as there are queries. One is an instance if its score, times the mean
    probability inside of its mask, reaches the ``threshold``. Instances are numbered from 0, and in
    the map later ones cover earlier ones; it is -1 where there is none.
    """
    queries, classes = logits.shape[0], logits.shape[1] - 1
    best = logits.softmax(dim=-1)[:, :-1].flatten().topk(queries, sorted=False)
    likely = best.values >= threshold
    scores, pairs = best.values[likely], best.indices[likely]
    chosen = masks[pairs // classes]
    drawn = chosen > 0
    inside = (chosen.sigmoid() * drawn).flatten(1).sum(1) / (drawn.flatten(1).sum(1) + EPSILON)
    scores = scores * inside
    places = nearest_places(masks, size or (masks.shape[-2], masks.shape[-1]))
    seen = torch.zeros(masks[0].numel(), dtype=torch.bool, device=masks.device)
    seen[places.flatten()] = True
    kept = (scores >= threshold) & (drawn.flatten(1) & seen).any(1)
    drawn, scores, labels = drawn[kept], scores[kept], pairs[kept] % classes
    segmentation = torch.full(masks.shape[-2:], -1.0, device=masks.device)
    for number, one in enumerate(drawn):
        segmentation.masked_fill_(one, number)
    infos = [
        {"id": number, "label_id": label, "was_fused": False, "score": round(score, 6)}
        for number, (label, score) in enumerate(zip(labels.tolist(), scores.tolist(), strict=True))
    ]
    return segmentation.flatten()[places], drawn, infos


def nearest_places(masks: Tensor, size: tuple[int, int]) -> Tensor:
    """Return which pixel of a mask, row by row, each pixel of a resized one shows."""
    rows, columns = masks.shape[-2:]
    numbers = torch.arange(rows * columns, dtype=torch.float64, device=masks.device)
    resized = F.interpolate(numbers.view(1, 1, rows, columns), size=size, mode="nearest")
    return resized[0, 0].long()
