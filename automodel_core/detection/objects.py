"""Objects in images: of the boxes that a model gives, those that are sure enough."""

from __future__ import annotations

from torch import Tensor

from automodel_core.detection.boxes import center_to_corners

__all__ = ["sure_objects"]


def sure_objects(
    scores: Tensor, fits: Tensor, boxes: Tensor, threshold: float, spans: Tensor | None = None
) -> list[dict[str, Tensor]]:
    """Return ``scores``, ``labels`` and ``boxes`` of each image's objects above a threshold.

    ``scores`` are ``(images, boxes)``; ``fits`` ``(images, boxes, labels)`` say how well each label
    fits. ``boxes`` ``(images, boxes, 4)``, centre and size, become edges, in pixels if ``spans``
    ``(images, 4)`` say how many they are shares of.
    """
    images, count = scores.shape
    kept = scores > threshold
    places = kept.flatten().nonzero().squeeze(1)
    edges = center_to_corners(boxes.flatten(0, 1).index_select(0, places))
    if spans is not None:
        edges = edges * (spans if images == 1 else spans.index_select(0, places // count))
    labels = fits.flatten(0, 1).index_select(0, places).argmax(dim=-1)
    columns = {"scores": scores.take(places), "labels": labels, "boxes": edges}
    if images == 1:
        return [columns]
    counts = kept.sum(dim=1).tolist()
    rows = zip(*(column.split(counts) for column in columns.values()), strict=True)
    return [dict(zip(columns, found, strict=True)) for found in rows]
