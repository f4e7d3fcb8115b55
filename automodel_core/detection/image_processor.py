"""The base of detectors' image processors: images, masks of their pixels, and what is in them."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from automodel_core.detection.annotations import (
    Target,
    detection_target,
    normalised_target,
    padded_target,
    panoptic_target,
    resized_target,
)
from automodel_core.detection.boxes import edge_spans
from automodel_core.detection.objects import likely_objects
from automodel_core.detection.segments import (
    SegmentThresholds,
    query_segmentation,
    segments_of_queries,
    with_run_lengths,
)
from automodel_core.errors import InputError, warn_caller
from automodel_core.preprocessing.batch import BatchFeature
from automodel_core.preprocessing.tensors import TensorType
from automodel_core.vision.image_processor import BaseImageProcessor
from automodel_core.vision.settings import (
    IMAGENET_DEFAULT_MEAN,
    IMAGENET_DEFAULT_STD,
    ChannelValues,
    Resample,
    Resampling,
    Size,
    shortest_edge,
)

__all__ = ["BoxPostProcessing", "DetectionImageProcessor", "QueryMaskPostProcessing"]

TargetSizes = Sequence[tuple[int, int]] | Tensor | None
LONGEST = 1333
"""The bound on the longer edge, also where old files name the shorter one alone."""


class DetectionImageProcessor(BaseImageProcessor):
    """Prepares images of different sizes as one batch, and their annotations as labels.

    By default the shortest edge becomes 800, and values are normalised as ImageNet's pictures are.
    ``pixel_mask`` ``(batch, height, width)`` is 1 where an image is and 0 where it is padded.
    """

    model_input_names: ClassVar[tuple[str, ...]] = ("pixel_values", "pixel_mask")
    former_names: ClassVar = {"pad_and_return_pixel_mask": "do_pad"}
    default_to_square = False

    format: Literal["coco_detection", "coco_panoptic"] = "coco_detection"
    do_convert_annotations: bool | None = None
    """Whether boxes become centre and size, as shares of the image; by default `do_normalize`."""
    do_resize: bool | None = True
    size: Size = shortest_edge(800, longest=LONGEST)
    resample: Resample = int(Resampling.BILINEAR)
    do_rescale: bool | None = True
    rescale_factor: float = 1 / 255
    do_normalize: bool | None = True
    image_mean: ChannelValues = IMAGENET_DEFAULT_MEAN
    image_std: ChannelValues = IMAGENET_DEFAULT_STD
    do_pad: bool | None = True

    def __init__(self, **settings: Any) -> None:
        longest, size = settings.pop("max_size", LONGEST), settings.get("size")
        if isinstance(size, int) and not isinstance(size, bool):
            settings["size"] = {"shortest_edge": size, "longest_edge": longest}
        super().__init__(**settings)

    def __call__(self, images: Any, annotations: Any = None, **kwargs: Any) -> BatchFeature:
        """Return the output of `preprocess`."""
        return self.preprocess(images, annotations, **kwargs)

    def preprocess(
        self,
        images: Any,
        annotations: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
        return_segmentation_masks: bool | None = None,
        masks_path: str | os.PathLike[str] | None = None,
        *,
        return_tensors: str | TensorType | None = None,
        input_data_format: str | None = None,
        **settings: Any,
    ) -> BatchFeature:
        """Return ``pixel_values``, ``pixel_mask`` if images are padded, and ``labels``.

        There is one of the ``annotations`` for each image, in COCO's ``format``. Masks of objects
        are returned if asked for, or if the format is panoptic; ``masks_path`` is the folder of
        its pictures. A label has ``class_labels``, ``boxes``, ``area``, ``iscrowd``, ``image_id``,
        ``size``, ``orig_size`` and perhaps ``masks`` and ``keypoints``.
        """
        here = self.overridden(settings)
        read = here.read_images(images, input_data_format)
        tensors = [here.transform(each) for each in read]
        sizes = [(each.shape[-2], each.shape[-1]) for each in tensors]
        targets: list[Target] | None = None
        if annotations is not None:
            listed = [annotations] if isinstance(annotations, Mapping) else list(annotations)
            if len(listed) != len(read):
                raise InputError(f"{len(listed)} annotations were given for {len(read)} images")
            targets = [
                here.target(image, annotation, size, return_segmentation_masks, masks_path)
                for image, annotation, size in zip(read, listed, sizes, strict=True)
            ]
        features: dict[str, Any] = {}
        if here.do_pad:
            tensors = here.pad_batch(tensors)
            after = (tensors[0].shape[-2], tensors[0].shape[-1])
            features["pixel_mask"] = [pixel_mask(size, after) for size in sizes]
            targets = targets and [
                padded_target(target, size, after, shares=here.converts_boxes)
                for target, size in zip(targets, sizes, strict=True)
            ]
        prepared = BatchFeature({"pixel_values": tensors, **features}, return_tensors)
        if targets is not None:
            prepared["labels"] = [BatchFeature(target, return_tensors) for target in targets]
        return prepared

    @property
    def converts_boxes(self) -> bool:
        """Whether boxes become shares of the image."""
        own = self.do_convert_annotations
        return bool(self.do_normalize if own is None else own)

    def target(
        self,
        image: Tensor,
        annotation: Mapping[str, Any],
        size: tuple[int, int],
        masks: bool | None,
        masks_path: str | os.PathLike[str] | None,
    ) -> Target:
        """Return what an annotation says of an image that was resized to ``size``."""
        height, width = image.shape[-2:]
        if self.format == "coco_panoptic":
            wanted = True if masks is None else masks
            target = panoptic_target(annotation, height, width, wanted, masks_path)
        else:
            target = detection_target(annotation, height, width, bool(masks))
        target = resized_target(target, size)
        return normalised_target(target, size) if self.converts_boxes else target


def pixel_mask(size: tuple[int, int], padded: tuple[int, int]) -> Tensor:
    """Return ``(height, width)`` of int64: 1 where an image of ``size`` is, 0 behind it."""
    mask = torch.zeros(padded, dtype=torch.int64)
    mask[: size[0], : size[1]] = 1
    return mask


class BoxPostProcessing:
    """Objects from the ``logits`` and ``pred_boxes`` of queries."""

    def post_process_object_detection(
        self, outputs: Any, threshold: float = 0.5, target_sizes: TargetSizes = None
    ) -> list[dict[str, Tensor]]:
        """Return ``scores``, ``labels`` and ``boxes`` of each image's objects.

        Boxes are left, upper, right and lower edge, in pixels of ``target_sizes`` (heights and
        widths), or as shares of the image.
        """
        boxes = outputs.pred_boxes
        spans = None if target_sizes is None else edge_spans(target_sizes, boxes)
        return likely_objects(outputs.logits, boxes, threshold, spans)

    def post_process(self, outputs: Any, target_sizes: TargetSizes) -> list[dict[str, Tensor]]:
        """Return all queries as objects, as transformers 4 did."""
        warn_caller(
            "post_process() is an older name of post_process_object_detection(threshold=0.0)",
            FutureWarning,
        )
        return self.post_process_object_detection(outputs, -1.0, target_sizes)


class QueryMaskPostProcessing:
    """Segments from the ``logits`` and ``pred_masks`` of queries."""

    def post_process_semantic_segmentation(
        self,
        outputs: Any,
        target_sizes: TargetSizes = None,
        return_segmentation_scores: bool = False,
    ) -> list[Any]:
        """Return the class of each pixel, a tensor ``(height, width)`` for each image.

        With ``return_segmentation_scores`` each is a `BatchFeature` of ``segmentation`` and
        ``segmentation_scores`` ``(classes, height, width)``.
        """
        return query_segmentation(
            outputs.logits, outputs.pred_masks, target_sizes, with_scores=return_segmentation_scores
        )

    def post_process_instance_segmentation(
        self,
        outputs: Any,
        threshold: float = 0.5,
        mask_threshold: float = 0.5,
        overlap_mask_area_threshold: float = 0.8,
        target_sizes: TargetSizes = None,
        return_coco_annotation: bool | None = False,
    ) -> list[dict[str, Any]]:
        """Return ``segmentation`` and ``segments_info`` of each image.

        The map has the number of a segment for each pixel, 0 where there is none, -1 everywhere
        where nothing was found; with ``return_coco_annotation`` it is run lengths.
        """
        thresholds = SegmentThresholds(threshold, mask_threshold, overlap_mask_area_threshold)
        found = segments_of_queries(
            outputs.logits, outputs.pred_masks, thresholds, target_sizes=target_sizes
        )
        return with_run_lengths(found) if return_coco_annotation else found

    def post_process_panoptic_segmentation(
        self,
        outputs: Any,
        threshold: float = 0.5,
        mask_threshold: float = 0.5,
        overlap_mask_area_threshold: float = 0.8,
        label_ids_to_fuse: Collection[int] | None = None,
        target_sizes: TargetSizes = None,
    ) -> list[dict[str, Any]]:
        """Return the same, the segments of each label in ``label_ids_to_fuse`` as one."""
        thresholds = SegmentThresholds(threshold, mask_threshold, overlap_mask_area_threshold)
        fused = frozenset(label_ids_to_fuse or ())
        return segments_of_queries(
            outputs.logits, outputs.pred_masks, thresholds, fused, target_sizes
        )
