"""Masks as the lengths of runs of equal pixels, in the order of COCO's tools: by columns."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from automodel_core.errors import InputError

__all__ = ["compressed_counts", "mask_to_rle", "rle_to_mask", "segmentation_to_rle"]


def mask_to_rle(mask: Tensor) -> dict[str, Any]:
    """Return ``size`` and ``counts`` of a mask ``(height, width)``; the first run is of zeros."""
    by_columns = mask.bool().t().flatten()
    changes = (by_columns[1:] != by_columns[:-1]).nonzero()[:, 0] + 1
    edges = [0, *changes.tolist(), len(by_columns)]
    counts = [end - start for start, end in itertools.pairwise(edges)]
    if len(by_columns) and bool(by_columns[0]):
        counts.insert(0, 0)
    return {"size": list(mask.shape), "counts": counts}


def rle_to_mask(rle: Mapping[str, Any]) -> Tensor:
    """Return the mask ``(height, width)`` of bool; raise `InputError` unless the counts fill it."""
    height, width = rle["size"]
    counts = torch.as_tensor(rle["counts"], dtype=torch.int64)
    if int(counts.sum()) != height * width or bool((counts < 0).any()):
        raise InputError(
            f"the runs of a mask hold {int(counts.sum())} pixels, and its size is {height} x "
            f"{width}"
        )
    shown = torch.arange(len(counts)) % 2 == 1
    return shown.repeat_interleave(counts).view(width, height).t().contiguous()


def compressed_counts(text: str | bytes) -> list[int]:
    """Return the counts that COCO's files write as a string.

    Each is five bits a character, the lowest first, and from the third on it is the difference to
    the one two places before.
    """
    letters = text.encode() if isinstance(text, str) else text
    counts: list[int] = []
    value = shift = 0
    for letter in letters:
        bits = letter - 48
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:
            continue
        if bits & 0x10:
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value = shift = 0
    return counts


def segmentation_to_rle(segmentation: Tensor) -> list[list[int]]:
    """Return the runs of each segment of a map, in the order of their numbers.

    A run is told by its first pixel, counted from 1 row by row, and its length.
    """
    pixels = segmentation.flatten()
    changes = (pixels[1:] != pixels[:-1]).nonzero()[:, 0] + 1
    starts = torch.cat([changes.new_zeros(1), changes])
    lengths = torch.diff(starts, append=starts.new_tensor([len(pixels)]))
    runs, numbers = torch.stack([starts + 1, lengths], dim=1), pixels[starts]
    return [runs[numbers == number].flatten().tolist() for number in numbers.unique()]
