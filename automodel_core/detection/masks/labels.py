"""Masks and classes of segments, made of a map that names the segment of each pixel."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from automodel_core.errors import InputError
from automodel_core.vision.segmentation import IGNORED

__all__ = ["binary_masks"]


def binary_masks(
    segmentation: Tensor,
    class_of: Mapping[int, int] | None = None,
    ignore_index: int | None = None,
    *,
    reduce_labels: bool = False,
) -> tuple[Tensor, Tensor]:
    """Return masks ``(segments, height, width)`` of 0 and 1, and the class of each segment.

    A segment is a class, or what ``class_of`` gives a class to. Pixels of ``ignore_index`` belong
    to none. With ``reduce_labels`` neither do those of 0 (nor of 255, without ``ignore_index``),
    and classes count from 0 where they counted from 1.
    """
    ignored = {ignore_index} - {None}
    if reduce_labels:
        ignored |= {0, IGNORED if ignore_index is None else ignore_index}
    numbers = [number for number in segmentation.unique().tolist() if number not in ignored]
    shift = 1 if reduce_labels else 0
    names = torch.tensor(numbers, dtype=torch.int64)
    masks = segmentation == names.to(segmentation.dtype)[:, None, None]
    if class_of is not None:
        unknown = [number for number in numbers if number not in class_of]
        if unknown:
            raise InputError(
                f"instance_id_to_semantic_id has no class for {unknown[0]}, which is in the map; "
                "pixels of ignore_index need none"
            )
        names = torch.tensor([class_of[number] for number in numbers], dtype=torch.int64)
    return masks.float(), names - shift
