"""Inputs of models that ask images for objects: first states of queries, and objects as labels."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

__all__ = ["MASK_LABELS", "QUERIES", "drawn_masks", "drawn_objects", "drawn_queries"]

QUERIES = "decoder_inputs_embeds"
MASK_LABELS = ("mask_labels", "class_labels")
COUNTS = (2, 1)
"""Of objects, in one image after the other."""


def drawn_queries(config: Any, rows: int) -> Tensor:
    """Return states ``(rows, queries, size)``: where they are zero, some weights have no effect."""
    owners = (config, *config.all_parts())
    owner = next(each for each in owners if "num_queries" in vars(each))
    shape = (rows, owner.num_queries, owner.hidden_size)
    return torch.randn(shape, generator=torch.Generator().manual_seed(4))


def drawn_objects(config: Any, images: Tensor) -> list[dict[str, Tensor]]:
    """Return the classes, boxes and masks of objects in images ``(batch, channels, h, w)``."""
    chance = torch.Generator().manual_seed(6)
    height, width = images.shape[-2:]
    labels = []
    for image in range(len(images)):
        count = COUNTS[image % len(COUNTS)]
        center, size = torch.rand(2, count, 2, generator=chance)
        boxes = torch.cat([0.3 + 0.4 * center, 0.1 + 0.4 * size], dim=1)
        columns = torch.arange(width) / width
        inside = (columns - boxes[:, :1]).abs() < boxes[:, 2:3] / 2
        classes = torch.arange(count) % config.num_labels
        masks = inside[:, None].expand(-1, height, -1)
        labels.append({"class_labels": classes, "boxes": boxes, "masks": masks})
    return labels


def drawn_masks(config: Any, images: Tensor) -> dict[str, list[Tensor]]:
    """Return the masks and classes of the same objects, as arguments of their own."""
    objects = drawn_objects(config, images)
    return {
        "mask_labels": [each["masks"].to(images.dtype) for each in objects],
        "class_labels": [each["class_labels"] for each in objects],
    }
