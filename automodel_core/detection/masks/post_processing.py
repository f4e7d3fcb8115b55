"""What queries have found: classes of pixels, instances, and panoptic segments."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from automodel_core.detection.masks.instances import instance_segments
from automodel_core.detection.segments import (
    SegmentThresholds,
    query_segmentation,
    query_votes,
    segments_of_queries,
    with_run_lengths,
)
from automodel_core.errors import InputError
from automodel_core.vision.segmentation import target_shapes

__all__ = ["MaskClassPostProcessing"]

TargetSizes = Sequence[tuple[int, int]] | Tensor | None
Drawn = tuple[Tensor, Tensor]
"""Of one image: classes ``(1, queries, labels + 1)``, and masks ``(1, queries, rows, columns)``."""


class MaskClassPostProcessing:
    """Segments from the ``class_queries_logits`` and ``masks_queries_logits`` of queries.

    ``target_sizes`` are heights and widths of results, by default those of masks. Masks lie over
    the whole of an image, padding too: where images of different sizes were in a batch,
    ``pixel_mask`` says what of it is the image, and the rest is cut off.
    """

    def drawn(self, outputs: Any, pixel_mask: Tensor | None) -> list[Drawn]:
        """Return what queries say of each image, without its padding."""
        logits, masks = outputs.class_queries_logits, self.masks_of(outputs)
        found = []
        for number in range(len(logits)):
            own = masks[number : number + 1]
            if pixel_mask is not None:
                own = without_padding(own, pixel_mask[number])
            found.append((logits[number : number + 1], own))
        return found

    def masks_of(self, outputs: Any) -> Tensor:
        """Return logits of masks ``(batch, queries, rows, columns)``."""
        masks: Tensor = outputs.masks_queries_logits
        return masks

    def post_process_semantic_segmentation(
        self,
        outputs: Any,
        target_sizes: TargetSizes = None,
        return_segmentation_scores: bool = False,
        pixel_mask: Tensor | None = None,
    ) -> list[Any]:
        """Return the class of each pixel, a tensor ``(height, width)`` for each image.

        With ``return_segmentation_scores`` each is a `BatchFeature` of ``segmentation`` and
        ``segmentation_scores`` ``(classes, height, width)``.
        """
        drawn = self.drawn(outputs, pixel_mask)
        found = []
        for own, size in zip(drawn, target_shapes(target_sizes, len(drawn)), strict=True):
            sizes = None if size is None else [size]
            found += query_segmentation(*own, sizes, with_scores=return_segmentation_scores)
        return found

    def post_process_instance_segmentation(
        self,
        outputs: Any,
        threshold: float = 0.5,
        mask_threshold: float = 0.5,
        overlap_mask_area_threshold: float = 0.8,
        target_sizes: TargetSizes = None,
        return_coco_annotation: bool | None = False,
        return_binary_maps: bool | None = False,
        pixel_mask: Tensor | None = None,
    ) -> list[dict[str, Any]]:
        """Return ``segmentation`` and ``segments_info`` of each image.

        The map has the number of an instance for each pixel, -1 where there is none; later
        instances cover earlier ones. With ``return_binary_maps`` it is one map for each instance,
        ``(instances, height, width)`` of 0 and 1; with ``return_coco_annotation`` it is run
        lengths. The other thresholds are for panoptic segments.
        """
        if return_coco_annotation and return_binary_maps:
            raise InputError("return_coco_annotation and return_binary_maps exclude each other")
        drawn = self.drawn(outputs, pixel_mask)
        found = []
        for (logits, masks), size in zip(
            drawn, target_shapes(target_sizes, len(drawn)), strict=True
        ):
            segmentation, own, infos = instance_segments(logits[0], masks[0], threshold, size)
            if return_binary_maps:
                segmentation = own.float()
                if size is not None and len(own):
                    segmentation = F.interpolate(segmentation[None], size=size)[0]
                elif size is not None:
                    segmentation = own.new_zeros(0, *size, dtype=torch.float32)
            found.append({"segmentation": segmentation, "segments_info": infos})
        return with_run_lengths(found) if return_coco_annotation else found

    def post_process_panoptic_segmentation(
        self,
        outputs: Any,
        threshold: float = 0.5,
        mask_threshold: float = 0.5,
        overlap_mask_area_threshold: float = 0.8,
        label_ids_to_fuse: Collection[int] | None = None,
        target_sizes: TargetSizes = None,
        pixel_mask: Tensor | None = None,
    ) -> list[dict[str, Any]]:
        """Return ``segmentation`` and ``segments_info`` of each image, segments without overlap.

        The map has the number of a segment for each pixel, 0 where there is none, -1 everywhere
        where nothing was found. The segments of each label in ``label_ids_to_fuse`` are one.
        """
        thresholds = SegmentThresholds(threshold, mask_threshold, overlap_mask_area_threshold)
        fused = frozenset(label_ids_to_fuse or ())
        drawn = self.drawn(outputs, pixel_mask)
        found = []
        for own, size in zip(drawn, target_shapes(target_sizes, len(drawn)), strict=True):
            found += segments_of_queries(*own, thresholds, fused, [size])
        return found

    def post_process_segmentation(
        self, outputs: Any, target_size: tuple[int, int] | None = None
    ) -> Tensor:
        """Return how much queries vote for each class, ``(batch, classes, height, width)``."""
        masks = self.masks_of(outputs)
        if target_size is not None:
            masks = F.interpolate(masks, size=target_size, mode="bilinear", align_corners=False)
        return query_votes(outputs.class_queries_logits, masks)


def without_padding(masks: Tensor, shown: Tensor) -> Tensor:
    """Return the part of masks ``(1, queries, rows, columns)`` that lies over an image.

    ``shown`` ``(height, width)`` is 1 where the image is, and 0 right of it and below.
    """
    edges = []
    for places, whole, axis in zip(masks.shape[-2:], shown.shape, (1, 0), strict=True):
        image = int((shown != 0).any(axis).sum())
        edges.append(-(-places * image // whole))
    return masks[..., : edges[0], : edges[1]]
