"""Masks and panoptic pictures under the names that transformers 4 had for them."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from automodel_core import vision
from automodel_core.errors import InputError, warn_caller

Sizes = Sequence[tuple[int, int]] | Tensor
"""Heights and widths of images."""
LAST_THING = 90
"""The highest number that a thing has in COCO's panoptic labels."""
SMALL = 4
"""Of how few pixels a mask is left out."""


@dataclass(frozen=True)
class Found:
    """What queries show of one image: classes, how sure they are, and logits of masks."""

    scores: Tensor
    labels: Tensor
    masks: Tensor

    def only(self, kept: Tensor) -> Found:
        return Found(self.scores[kept], self.labels[kept], self.masks[kept])


class OlderMaskPostProcessing:
    """What `post_process_instance_segmentation` and its like replace, as transformers 4 had it."""

    def post_process_segmentation(
        self,
        outputs: Any,
        target_sizes: Sizes,
        threshold: float = 0.9,
        mask_threshold: float = 0.5,
    ) -> list[dict[str, Tensor]]:
        """Return ``scores``, ``labels`` and ``masks`` of queries that are sure of an object.

        Masks are 0 or 1, ``(objects, height, width)`` of ``target_sizes``.
        """
        _warn("post_process_segmentation", "post_process_semantic_segmentation")
        results = []
        for found, size in zip(_sure(outputs, threshold), target_sizes, strict=True):
            masks = _resized(found.masks, _shape(size)).sigmoid() > mask_threshold
            results.append(
                {"scores": found.scores, "labels": found.labels, "masks": masks.to(torch.int64)}
            )
        return results

    def post_process_instance(
        self,
        results: list[dict[str, Tensor]],
        outputs: Any,
        orig_target_sizes: Tensor,
        max_target_sizes: Tensor,
        threshold: float = 0.5,
    ) -> list[dict[str, Tensor]]:
        """Add to the results of `post_process` the ``masks`` of all queries, and return them.

        Masks are ``(queries, 1, height, width)`` of ``orig_target_sizes``; ``max_target_sizes`` are
        those of the images that the model saw, without padding.
        """
        _warn("post_process_instance", "post_process_instance_segmentation")
        if len(orig_target_sizes) != len(max_target_sizes):
            raise InputError(
                f"{len(orig_target_sizes)} orig_target_sizes were given with "
                f"{len(max_target_sizes)} max_target_sizes"
            )
        seen, wanted = (
            [_shape(size) for size in each] for each in (max_target_sizes, orig_target_sizes)
        )
        batch = max(height for height, _ in seen), max(width for _, width in seen)
        masks = F.interpolate(outputs.pred_masks, size=batch, mode="bilinear", align_corners=False)
        shown = (masks.sigmoid() > threshold).float().cpu()
        for result, mask, (height, width), size in zip(results, shown, seen, wanted, strict=True):
            own = mask[:, None, :height, :width]
            result["masks"] = F.interpolate(own, size=size, mode="nearest").byte()
        return results

    def post_process_panoptic(
        self,
        outputs: Any,
        processed_sizes: Sizes,
        target_sizes: Sizes | None = None,
        is_thing_map: Mapping[int, bool] | None = None,
        threshold: float = 0.85,
    ) -> list[dict[str, Any]]:
        """Return ``png_string``, a picture of numbers of segments, and ``segments_info``.

        Masks are drawn in ``processed_sizes``, those of the images that the model saw, and the
        picture has the size of ``target_sizes``. Of segments of a label that ``is_thing_map`` says
        is no thing, by default one above 90, the first is left, without what the others cover.
        """
        _warn("post_process_panoptic", "post_process_panoptic_segmentation")
        target_sizes = processed_sizes if target_sizes is None else target_sizes
        if not len(processed_sizes) == len(target_sizes) == len(outputs.logits):
            raise InputError(
                f"{len(processed_sizes)} processed_sizes and {len(target_sizes)} target_sizes were "
                f"given for {len(outputs.logits)} images"
            )
        sizes = zip(_sure(outputs, threshold), processed_sizes, target_sizes, strict=True)
        return [
            _panoptic(
                Found(found.scores, found.labels, _resized(found.masks, _shape(seen))),
                _shape(wanted),
                is_thing_map,
            )
            for found, seen, wanted in sizes
        ]


def _sure(outputs: Any, threshold: float) -> list[Found]:
    """Return the queries of each image whose likeliest class is an object, and likely enough."""
    results = []
    for logits, masks in zip(outputs.logits, outputs.pred_masks, strict=True):
        scores, labels = logits.softmax(dim=-1).max(dim=-1)
        is_object = labels != logits.shape[-1] - 1
        results.append(Found(scores, labels, masks).only(is_object & (scores > threshold)))
    return results


def _panoptic(
    found: Found, size: tuple[int, int], is_thing_map: Mapping[int, bool] | None
) -> dict[str, Any]:
    """Return the picture of an image's segments, without small ones, and what they are."""

    def is_thing(label: int) -> bool:
        return label <= LAST_THING if is_thing_map is None else is_thing_map[label]

    numbers = _numbers(found.masks)
    for label in {int(each) for each in found.labels}:
        alike = (found.labels == label).nonzero()[:, 0]
        if not is_thing(label):
            numbers[torch.isin(numbers, alike)] = alike[0]
    while True:
        picture, areas = _painted(numbers, size, len(found.labels))
        large = torch.tensor([area > SMALL for area in areas], dtype=torch.bool)
        if large.all():
            break
        found = found.only(large.to(found.labels.device))
        numbers = _numbers(found.masks)
    with io.BytesIO() as file:
        picture.save(file, format="PNG")
        png = file.getvalue()
    infos = [
        {"id": number, "isthing": is_thing(label), "category_id": label, "area": area}
        for number, (label, area) in enumerate(zip(found.labels.tolist(), areas, strict=True))
    ]
    return {"png_string": png, "segments_info": infos}


def _numbers(masks: Tensor) -> Tensor:
    """Return the number of the strongest mask at each place; 0 where there is no mask."""
    if not len(masks):
        return torch.zeros(masks.shape[1:], dtype=torch.long, device=masks.device)
    return masks.softmax(dim=0).argmax(dim=0)


def _painted(numbers: Tensor, size: tuple[int, int], count: int) -> tuple[Any, list[int]]:
    """Return numbers as colours, resized, and how many pixels each of ``count`` has there."""
    places = torch.stack([numbers >> shift & 255 for shift in (0, 8, 16)]).to(torch.uint8)
    colours = vision.resize(places, size, vision.Resampling.NEAREST)
    red, green, blue = colours.long().flatten(1)
    shown = red + (green << 8) + (blue << 16)
    areas: list[int] = torch.bincount(shown, minlength=count)[:count].tolist()
    return vision.pillow_image(colours), areas


def _resized(masks: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(masks[:, None], size, mode="bilinear", align_corners=False)[:, 0]


def _shape(size: Any) -> tuple[int, int]:
    height, width = size
    return int(height), int(width)


def _warn(old: str, new: str) -> None:
    warn_caller(f"{old}() is of transformers 4, use {new}()", FutureWarning)
