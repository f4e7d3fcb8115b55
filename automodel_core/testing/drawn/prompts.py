"""Inputs of models that make masks: points and boxes in an image, rough masks, and the right ones.

A prompt is about one object; each image has `PROMPTS` of them.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from automodel_core.layers.images.patches import patch_grid

__all__ = ["POINTS", "PROMPTS", "drawn_points", "further_prompts", "left_halves"]

POINTS = "input_points"
PROMPTS = 2
LABELS = [[1, 0, -10], [1, 1, 0]]
"""Of three points of each prompt: 1 is the object's, 0 beside it, -10 says nothing."""
PER_PLACE = 4
"""Numbers of a rough mask, below and beside each other, for each place of an image's map."""


def drawn_points(pixels: Tensor) -> dict[str, Tensor]:
    """Return points in images ``(batch, channels, height, width)``, and what they mean."""
    rows, edges = len(pixels), torch.tensor(pixels.shape[:-3:-1])
    shares = torch.rand(rows, PROMPTS, 3, 2, generator=torch.Generator().manual_seed(7))
    return {POINTS: shares * edges, "input_labels": torch.tensor([LABELS] * rows)}


def further_prompts(config: Any, pixels: Tensor) -> dict[str, Any]:
    """Return boxes and rough masks of the images, for one mask of each prompt."""
    chance = torch.Generator().manual_seed(8)
    rows, edges = len(pixels), torch.tensor(pixels.shape[:-3:-1])
    upper_left = torch.rand(rows, PROMPTS, 2, generator=chance) / 2
    sizes = 0.1 + 0.4 * torch.rand(rows, PROMPTS, 2, generator=chance)
    boxes = torch.cat([upper_left * edges, (upper_left + sizes) * edges], dim=-1)
    seen = next(part for part in config.all_parts() if {"image_size", "patch_size"} <= {*part})
    shape = (PER_PLACE * edge for edge in patch_grid(seen.image_size, seen.patch_size))
    masks = torch.randn(rows, 1, *shape, generator=chance)
    return {"input_boxes": boxes, "input_masks": masks, "multimask_output": False}


def left_halves(pixels: Tensor) -> Tensor:
    """Return where the object of each image is: in its left half."""
    height, width = pixels.shape[-2:]
    return (torch.arange(width) < width // 2).long().expand(len(pixels), height, -1)
