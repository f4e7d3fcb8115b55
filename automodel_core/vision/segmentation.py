"""Maps that name the class of each pixel: prepared as labels, and read from a model's scores."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from automodel_core.errors import InputError, shown
from automodel_core.preprocessing.batch import BatchFeature
from automodel_core.preprocessing.tensors import TensorType
from automodel_core.vision.image_processor import BaseImageProcessor
from automodel_core.vision.images import is_array, picture_values, pillow_values, read_picture
from automodel_core.vision.settings import Resampling
from automodel_core.vision.strongest import strongest_map

__all__ = [
    "IGNORED",
    "SegmentationImageProcessor",
    "flatten_maps",
    "map_tensor",
    "resizable",
    "semantic_segmentation",
    "target_shapes",
]

IGNORED = 255
"""The label of a pixel that has none."""
AS_LABELS = {
    "do_convert_rgb": False,
    "resample": int(Resampling.NEAREST),
    "do_rescale": False,
    "do_normalize": False,
}
"""Settings under which `BaseImageProcessor.transform` moves values, and changes none."""


class SegmentationImageProcessor(BaseImageProcessor):
    """Prepares images and, as ``labels``, maps that name the class of each pixel.

    A map goes the way of its image: what `transform` resizes, crops or pads.
    """

    former_names: ClassVar = {"reduce_labels": "do_reduce_labels"}

    do_reduce_labels: bool | None = False
    """Whether 0 is no class: it becomes 255, which does not count, and classes count from 0."""

    def __call__(self, images: Any, segmentation_maps: Any = None, **kwargs: Any) -> BatchFeature:
        """Return the output of `preprocess`."""
        return self.preprocess(images, segmentation_maps, **kwargs)

    def preprocess(
        self,
        images: Any,
        segmentation_maps: Any = None,
        *,
        return_tensors: str | TensorType | None = None,
        **options: Any,
    ) -> BatchFeature:
        """Return ``pixel_values`` and, of maps, ``labels`` ``(height, width)`` of int64.

        ``segmentation_maps`` is one for each image: Pillow's, in grey or with a palette, arrays,
        tensors or paths of files. ``options`` are those of `BaseImageProcessor.preprocess`.
        """
        features = super().preprocess(images, **options)
        if segmentation_maps is not None:
            labels = self.overridden({**options, **AS_LABELS}).labels_of(segmentation_maps)
            count = len(features["pixel_values"])
            if len(labels) != count:
                raise InputError(f"{len(labels)} segmentation maps were given for {count} images")
            features["labels"] = labels
        return features.convert_to_tensors(return_tensors)

    def labels_of(self, segmentation_maps: Any) -> list[Tensor]:
        """Return maps of any kind as labels ``(height, width)``."""
        labels = []
        for single in flatten_maps(segmentation_maps):
            classes = map_tensor(single)
            if self.do_reduce_labels:
                classes = reduced(classes)
            labels.append(self.transform(resizable(classes)))
        if self.do_pad:
            labels = self.pad_batch(labels)
        return [each[0].to(torch.int64) for each in labels]

    def post_process_semantic_segmentation(
        self,
        outputs: Any,
        target_sizes: Sequence[tuple[int, int]] | Tensor | None = None,
        return_segmentation_scores: bool = False,
    ) -> list[Any]:
        """Return the best class of each pixel, a tensor ``(height, width)`` for each image.

        With ``return_segmentation_scores`` each is a `BatchFeature` of ``segmentation`` and
        ``segmentation_scores`` ``(classes, height, width)``. ``target_sizes`` are heights and
        widths, by default those of the scores.
        """
        return semantic_segmentation(
            outputs.logits, target_sizes, with_scores=return_segmentation_scores
        )


def semantic_segmentation(
    logits: Tensor,
    target_sizes: Sequence[tuple[int, int]] | Tensor | None = None,
    *,
    with_scores: bool = True,
) -> list[Any]:
    """Return the best class of each pixel, ``(height, width)`` for each image.

    ``logits`` ``(batch, classes, height, width)`` are resized to ``target_sizes``, one height and
    width for each image, before the best class is chosen. With ``with_scores`` each is a
    `BatchFeature` of ``segmentation`` and ``segmentation_scores``.
    """
    found: list[Any] = []
    for each, size in zip(logits, target_shapes(target_sizes, len(logits)), strict=True):
        if not with_scores:
            found.append(strongest_map(each, size))
            continue
        scores = each
        if size is not None:
            scores = F.interpolate(each[None], size, mode="bilinear", align_corners=False)[0]
        found.append(
            BatchFeature({"segmentation": scores.argmax(dim=0), "segmentation_scores": scores})
        )
    return found


def target_shapes(
    target_sizes: Sequence[tuple[int, int] | None] | Tensor | None, count: int
) -> list[tuple[int, int] | None]:
    """Return the height and width that is asked for each image, ``None`` where none is."""
    if target_sizes is None:
        return [None] * count
    if len(target_sizes) != count:
        raise InputError(f"{len(target_sizes)} target_sizes were given for {count} images")
    return [None if each is None else (int(each[0]), int(each[1])) for each in target_sizes]


def flatten_maps(maps: Any) -> list[Any]:
    """Return the single maps in a map, a batch, or nested lists of them, in order."""
    if isinstance(maps, list | tuple):
        return [single for part in maps for single in flatten_maps(part)]
    if is_array(maps) and maps.ndim > 2 and not (maps.ndim == 3 and maps.shape[-1] == 1):
        return [single for part in maps for single in flatten_maps(part)]
    return [maps]


def map_tensor(segmentation_map: Any) -> Tensor:
    """Return a map of any kind as ``(1, height, width)`` of int64; a palette's colours are lost."""
    if isinstance(segmentation_map, str | os.PathLike):
        values = read_picture(os.fspath(segmentation_map), pillow_values)
    else:
        values = picture_values(segmentation_map)
    if values.dim() == 3 and values.shape[-1] == 1:
        values = values[..., 0]
    if values.dim() != 2 or not values.numel():
        raise InputError(
            "a segmentation map has one class for each pixel, (height, width), and not the shape "
            f"{tuple(values.shape)}: give the numbers of classes, not their colours"
        )
    classes: Tensor = values.to(torch.int64)
    if values.is_floating_point() and not torch.equal(classes.to(values.dtype), values):
        raise InputError("a segmentation map holds numbers of classes, and these are no integers")
    return classes[None]


def reduced(classes: Tensor) -> Tensor:
    """Return classes that count from 0, where they counted from 1; 0 becomes `IGNORED`."""
    from_zero: Tensor = classes - 1
    return from_zero.masked_fill((classes == 0) | (classes == IGNORED), IGNORED)


def resizable(classes: Tensor) -> Tensor:
    """Return numbers of classes in a type that images have, none of them changed."""
    if classes.min() >= 0 and classes.max() <= 255:
        return classes.to(torch.uint8)
    if classes.abs().max() >= 1 << 24:
        raise InputError(f"{shown(int(classes.abs().max()))} is no class of a segmentation map")
    return classes.to(torch.float32)
