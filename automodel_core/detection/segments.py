"""Segments: one map for an image, in which every pixel belongs to at most one object."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from automodel_core.detection.run_lengths import segmentation_to_rle
from automodel_core.vision.segmentation import semantic_segmentation, target_shapes
from automodel_core.vision.strongest import row_blocks, strongest

__all__ = [
    "SegmentThresholds",
    "panoptic_segments",
    "query_segmentation",
    "query_votes",
    "segments_of_queries",
    "with_run_lengths",
]


@dataclass(frozen=True)
class SegmentThresholds:
    """What a query needs to become a segment.

    Its score must be above ``score``. Pixels belong to it whose probability reaches ``mask``; of
    these it must keep more than ``overlap``, where better queries take theirs.
    """

    score: float = 0.5
    mask: float = 0.5
    overlap: float = 0.8


def panoptic_segments(
    masks: Tensor,
    scores: Tensor,
    labels: Tensor,
    thresholds: SegmentThresholds,
    fused: Collection[int] = (),
    size: tuple[int, int] | None = None,
) -> tuple[Tensor, list[dict[str, Any]]]:
    """Return the map ``(height, width)`` of int32, and what each of its segments is.

    ``masks`` ``(queries, rows, columns)`` are probabilities, resized to ``size`` and weighed by
    ``scores`` ``(queries,)``. Segments are numbered from 1; those whose label is in ``fused`` have
    one number together.
    """
    parts = []
    reached = torch.zeros(len(masks), dtype=torch.float64, device=masks.device)
    factors = scores.view(-1, 1, 1)
    for block in row_blocks(masks, size or (masks.shape[-2], masks.shape[-1])):
        weighed = block.resized().mul_(factors)
        # Sums of floats take less time than those of booleans.
        inside = torch.ge(weighed, thresholds.mask, out=torch.empty_like(weighed))
        reached += inside.flatten(1).sum(1)
        parts.append(strongest(weighed))
    best = torch.cat(parts)
    areas = best.flatten().bincount(minlength=len(masks))
    # In float32, in which four of five are a little more than 0.8.
    shares = torch.where(reached > 0, areas.float() / reached.float(), 0.0).tolist()
    numbers = [0] * len(masks)
    infos: list[dict[str, Any]] = []
    of_fused: dict[int, int] = {}
    highest = 0
    for query, (label, score, share) in enumerate(
        zip(labels.tolist(), scores.tolist(), shares, strict=True)
    ):
        if not share or not share > thresholds.overlap:
            continue
        number = numbers[query] = of_fused.get(label, highest + 1)
        highest = max(highest, number)
        if label in fused:
            of_fused[label] = number
        infos.append(
            {
                "id": number,
                "label_id": label,
                "was_fused": label in fused,
                "score": round(score, 6),
            }
        )
    return torch.tensor(numbers, dtype=torch.int32, device=masks.device)[best], infos


def segments_of_queries(
    logits: Tensor,
    masks: Tensor,
    thresholds: SegmentThresholds,
    fused: Collection[int] = (),
    target_sizes: Sequence[tuple[int, int] | None] | Tensor | None = None,
) -> list[dict[str, Any]]:
    """Return ``segmentation`` and ``segments_info`` of each image.

    ``logits`` are ``(batch, queries, classes + 1)``, the last of them "no object", ``masks``
    ``(batch, queries, rows, columns)`` logits, resized to ``target_sizes``. Where no query is
    sure enough, the map is -1 everywhere.
    """
    sizes = target_shapes(target_sizes, len(logits))
    best = logits.softmax(dim=-1).max(dim=-1)
    found = []
    for image, size in enumerate(sizes):
        scores, labels = best.values[image], best.indices[image]
        kept = (labels != logits.shape[-1] - 1) & (scores > thresholds.score)
        own = masks[image][kept].sigmoid()
        shape = tuple(masks.shape[-2:]) if size is None else size
        if not kept.any():
            nothing = torch.full(shape, -1.0, device=masks.device)
            found.append({"segmentation": nothing, "segments_info": []})
            continue
        segmentation, infos = panoptic_segments(
            own, scores[kept], labels[kept], thresholds, fused, size
        )
        found.append({"segmentation": segmentation, "segments_info": infos})
    return found


def query_segmentation(
    logits: Tensor,
    masks: Tensor,
    target_sizes: Sequence[tuple[int, int]] | Tensor | None = None,
    *,
    with_scores: bool = True,
) -> list[Any]:
    """Return the class of each pixel that queries vote for, of each image.

    ``logits`` are ``(batch, queries, classes + 1)``, ``masks`` ``(batch, queries, rows, columns)``
    logits. Votes are resized to ``target_sizes`` before the best class is chosen. With
    ``with_scores`` each is a `BatchFeature` of ``segmentation`` and ``segmentation_scores``.
    """
    return semantic_segmentation(query_votes(logits, masks), target_sizes, with_scores=with_scores)


def query_votes(logits: Tensor, masks: Tensor) -> Tensor:
    """Return how much queries vote for each class, ``(batch, classes, rows, columns)``."""
    shares = logits.softmax(dim=-1)[..., :-1]
    return torch.einsum("bqc,bqhw->bchw", shares, masks.sigmoid())


def with_run_lengths(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the results with run lengths, one list for each segment, in place of the maps."""
    return [{**each, "segmentation": segmentation_to_rle(each["segmentation"])} for each in results]
