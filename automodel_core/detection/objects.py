"""Objects in images: of the boxes that a model gives, those that are sure enough."""

from __future__ import annotations

import math
from bisect import bisect_left
from itertools import pairwise

from torch import Tensor

from automodel_core.detection.boxes import center_to_corners

__all__ = ["likely_objects", "sure_objects"]

SLACK = 0.02
"""More than rounding makes of a chance, in any precision."""


def sure_objects(
    scores: Tensor, fits: Tensor, boxes: Tensor, threshold: float, spans: Tensor | None = None
) -> list[dict[str, Tensor]]:
    """Return ``scores``, ``labels`` and ``boxes`` of each image's objects above a threshold.

    ``scores`` are ``(images, boxes)``; ``fits`` ``(images, boxes, labels)`` say how well each label
    fits. ``boxes`` ``(images, boxes, 4)``, centre and size, become edges, in pixels if ``spans``
    ``(images, 4)`` say how many they are shares of.
    """
    scores = scores.flatten()
    places = (scores > threshold).nonzero().flatten()
    labels = fits.flatten(0, 1).index_select(0, places).argmax(dim=-1)
    return _by_image(places, scores.index_select(0, places), labels, boxes, spans)


def likely_objects(
    logits: Tensor, boxes: Tensor, threshold: float, spans: Tensor | None = None
) -> list[dict[str, Tensor]]:
    """Return the same of ``logits`` ``(images, boxes, labels + 1)``, the last for no object.

    A score is the chance of the likeliest label.
    """
    rows = logits.flatten(0, 1)
    objects, nothing = rows.split_with_sizes((rows.shape[-1] - 1, 1), dim=-1)
    # No label is likelier than beside nothing alone, so that few rows need their chances.
    rivals = nothing if threshold >= 0.5 else nothing + _least_margin(threshold)
    likely = objects.amax(dim=-1, keepdim=True) >= rivals
    places = likely.flatten().nonzero().flatten()
    chances = rows.index_select(0, places).softmax(dim=-1)
    scores, labels = chances.narrow(-1, 0, objects.shape[-1]).max(dim=-1)
    if not all(score > threshold + SLACK for score in scores.tolist()):
        kept = (scores > threshold).nonzero().flatten()
        places, scores, labels = (each.index_select(0, kept) for each in (places, scores, labels))
    return _by_image(places, scores, labels, boxes, spans)


def _least_margin(threshold: float) -> float:
    """Return a bound on the logit of a chance above a threshold, less that of nothing."""
    chance = threshold - SLACK
    return math.log(chance / (1 - chance)) if chance > 0 else -math.inf


def _by_image(
    places: Tensor, scores: Tensor, labels: Tensor, boxes: Tensor, spans: Tensor | None
) -> list[dict[str, Tensor]]:
    """Return what was found at ``places`` among the boxes of all images, for each image."""
    images, count = boxes.shape[:2]
    edges = center_to_corners(boxes.flatten(0, 1).index_select(0, places))
    if spans is not None:
        edges = edges * (spans if images == 1 else spans.index_select(0, places // count))
    if images == 1:
        return [{"scores": scores, "labels": labels, "boxes": edges}]
    numbers = places.tolist()
    ends = [bisect_left(numbers, count * image) for image in range(images + 1)]
    counts = [end - start for start, end in pairwise(ends)]
    columns = (each.split_with_sizes(counts) for each in (scores, labels, edges))
    return [
        {"scores": own_scores, "labels": own_labels, "boxes": own_edges}
        for own_scores, own_labels, own_edges in zip(*columns, strict=True)
    ]
