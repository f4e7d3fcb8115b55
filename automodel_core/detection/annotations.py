"""What is known of the objects in an image, from COCO's annotations to what a model learns from.

Formats: https://cocodataset.org/#format-data, for detection and for panoptic segmentation.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from automodel_core.detection.boxes import corners_to_center, enclosing_boxes
from automodel_core.detection.polygons import polygons_to_mask
from automodel_core.detection.run_lengths import compressed_counts, rle_to_mask
from automodel_core.errors import InputError, shown
from automodel_core.vision.images import image_tensor
from automodel_core.vision.settings import Resampling
from automodel_core.vision.transforms import pad, resize

__all__ = [
    "Target",
    "detection_target",
    "normalised_target",
    "padded_target",
    "panoptic_target",
    "resized_target",
]

Target = dict[str, Tensor]
"""What is known of one image: ``class_labels``, ``boxes``, ``area``, ..., one for each object."""


def detection_target(annotation: Mapping[str, Any], height: int, width: int, masks: bool) -> Target:
    """Return labels, boxes (left, upper, right, lower edge in pixels), areas and perhaps masks.

    ``annotation`` has ``image_id``, and ``annotations`` with ``category_id``, ``bbox`` (left, upper
    edge, width, height), ``area`` and perhaps ``iscrowd``, ``segmentation``, ``keypoints``. Crowds
    are left out, and so are boxes without an area inside the image.
    """
    objects = [each for each in _listed(annotation, "annotations") if not each.get("iscrowd", 0)]
    boxes = torch.tensor([_of(each, "bbox") for each in objects], dtype=torch.float32).view(-1, 4)
    boxes = torch.cat([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], dim=1)
    boxes = boxes.clamp(min=torch.zeros(4), max=torch.tensor([width, height] * 2))
    kept = (boxes[:, 3] > boxes[:, 1]) & (boxes[:, 2] > boxes[:, 0])
    labels = torch.tensor([_of(each, "category_id") for each in objects], dtype=torch.int64)
    areas = torch.tensor([_of(each, "area") for each in objects], dtype=torch.float32)
    target = {
        "image_id": torch.tensor([_of(annotation, "image_id")]),
        "class_labels": labels[kept],
        "boxes": boxes[kept],
        "area": areas[kept],
        "iscrowd": torch.zeros_like(labels)[kept],
        "orig_size": torch.tensor([height, width]),
    }
    if objects and all("keypoints" in each for each in objects):
        points = torch.tensor([each["keypoints"] for each in objects], dtype=torch.float32)
        target["keypoints"] = points[kept].view(-1, 3)
    if masks:
        shapes = [object_mask(_of(each, "segmentation"), height, width) for each in objects]
        stacked = torch.stack(shapes) if shapes else torch.zeros(0, height, width, dtype=torch.bool)
        target["masks"] = stacked[kept]
    return target


def object_mask(segmentation: Any, height: int, width: int) -> Tensor:
    """Return the mask ``(height, width)`` of polygons, or of run lengths, compressed or not."""
    if not isinstance(segmentation, Mapping):
        return polygons_to_mask(segmentation, height, width)
    counts = segmentation["counts"]
    if isinstance(counts, str | bytes):
        counts = compressed_counts(counts)
    return rle_to_mask({"size": segmentation["size"], "counts": counts})


def panoptic_target(
    annotation: Mapping[str, Any],
    height: int,
    width: int,
    masks: bool,
    folder: str | os.PathLike[str] | None,
) -> Target:
    """Return labels, boxes around masks, areas and perhaps the masks.

    ``annotation`` has ``file_name``, a picture in ``folder`` whose colours are the numbers of
    segments, and ``segments_info`` with ``id``, ``category_id``, ``iscrowd`` and ``area``.
    """
    size = torch.tensor([height, width])
    key = "image_id" if "image_id" in annotation else "id"
    number = torch.tensor([_of(annotation, key)])
    target = {"image_id": number, "size": size, "orig_size": size.clone()}
    if "segments_info" not in annotation:
        return target
    if folder is None:
        raise InputError("panoptic annotations name pictures: masks_path= is the folder of these")
    infos = _listed(annotation, "segments_info")
    picture = Path(folder, str(_of(annotation, "file_name")))
    red, green, blue = image_tensor(picture, convert_rgb=True).to(torch.int64)
    numbers = torch.tensor([_of(each, "id") for each in infos], dtype=torch.int64)
    shapes = (red + 256 * green + 256 * 256 * blue) == numbers[:, None, None]
    if masks:
        target["masks"] = shapes
    areas = torch.tensor([_of(each, "area") for each in infos], dtype=torch.float32)
    labels, crowds = (
        torch.tensor([_of(each, key) for each in infos], dtype=torch.int64)
        for key in ("category_id", "iscrowd")
    )
    boxes = enclosing_boxes(shapes)
    return target | {"boxes": boxes, "class_labels": labels, "iscrowd": crowds, "area": areas}


def resized_target(target: Target, size: tuple[int, int]) -> Target:
    """Return a target for its image resized to ``size``, height and width."""
    before = target["orig_size"].tolist()
    high, wide = (after / old for after, old in zip(size, before, strict=True))
    changed = {**target, "size": torch.tensor(size)}
    if "boxes" in target:
        changed["boxes"] = target["boxes"] * torch.tensor([wide, high, wide, high])
    if "area" in target:
        changed["area"] = target["area"] * (wide * high)
    if "masks" in target:
        changed["masks"] = resized_masks(target["masks"], size)
    return changed


def resized_masks(masks: Tensor, size: tuple[int, int]) -> Tensor:
    """Return masks ``(count, height, width)`` of bool, resized without values in between."""
    if not len(masks):
        return masks.new_zeros(0, *size)
    values = masks.to(torch.uint8)
    return torch.cat([resize(one[None], size, int(Resampling.NEAREST)) for one in values]).bool()


def normalised_target(target: Target, size: tuple[int, int]) -> Target:
    """Return a target with boxes as centre and size, shares of an image of ``size``."""
    if "boxes" not in target:
        return target
    height, width = size
    shares = corners_to_center(target["boxes"]) / torch.tensor([width, height, width, height])
    return {**target, "boxes": shares}


def padded_target(
    target: Target, before: tuple[int, int], after: tuple[int, int], *, shares: bool
) -> Target:
    """Return a target for its image padded on the right and below.

    With ``shares`` boxes are shares of the image, and become smaller.
    """
    if before == after:
        return target
    changed = {**target, "size": torch.tensor(after)}
    if "masks" in target:
        bottom, right = (new - old for new, old in zip(after, before, strict=True))
        changed["masks"] = pad(target["masks"], bottom=bottom, right=right)
    if shares and "boxes" in target:
        high, wide = (old / new for new, old in zip(after, before, strict=True))
        changed["boxes"] = target["boxes"] * torch.tensor([wide, high, wide, high])
    return changed


def _listed(annotation: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    found = _of(annotation, key)
    if not isinstance(found, list | tuple) or not all(isinstance(each, Mapping) for each in found):
        raise InputError(f"{key} of an annotation must be a list of tables")
    return list(found)


def _of(annotation: Mapping[str, Any], key: str) -> Any:
    try:
        return annotation[key]
    except KeyError:
        raise InputError(
            f"an annotation has no {key}; it has {shown(', '.join(annotation))}"
        ) from None
