"""SuperPoint twice: configurations that are unlike each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

import automodel_superpoint
from support.family import ROWS, Case
from support.images import ImageCase, ImageFamily

__all__ = ["FEW", "SMALL", "SUPERPOINT", "KeypointFamily"]

# The reference removes points near the upper and left border only.
SMALL: dict[str, Any] = {
    "encoder_hidden_sizes": [6, 5, 7, 8], "decoder_hidden_size": 12, "descriptor_decoder_dim": 10,
    "border_on_all_sides": False,
}  # fmt: skip


@dataclass(frozen=True)
class KeypointFamily(ImageFamily):
    """An architecture that finds points in images of any size, and learns nothing here."""

    def batch(self, case: Case, head: str, rows: int = ROWS, seed: int = 0) -> dict[str, Any]:
        assert isinstance(case, ImageCase)
        height, width = case.pixels or (48, 64)
        grey = torch.rand(rows, 1, height, width, generator=torch.Generator().manual_seed(seed))
        return {"pixel_values": grey.expand(-1, 3, -1, -1).contiguous()}

    def labels(self, head: str, given: Mapping[str, Tensor], config: Any) -> dict[str, Tensor]:
        return {}


FEW = {
    "none is kept": ImageCase({"max_keypoints": 0}),
    "none is found": ImageCase({"keypoint_threshold": 1.0}),
    "an image with none": ImageCase({"keypoint_threshold": 0.4}, pixels=(16, 24)),
}
"""Cases with too few points to learn from."""
SUPERPOINT = KeypointFamily(
    automodel_superpoint,
    ("SuperPointForKeypointDetection",),
    SMALL,
    {
        "plain": ImageCase(),
        "high images": ImageCase({"border_removal_distance": 0}, pixels=(72, 40)),
        "a rest beside the cells": ImageCase(pixels=(45, 67)),
        "the best three": ImageCase({"max_keypoints": 3}),
        "every pixel": ImageCase({"keypoint_threshold": -1.0, "nms_radius": 0}, pixels=(16, 16)),
        "far from each other": ImageCase({"nms_radius": 9, "border_removal_distance": 11}),
        "blocks of few channels": ImageCase(
            {"encoder_hidden_sizes": [3, 4, 5, 4], "decoder_hidden_size": 7}, pixels=(40, 56)
        ),
        "few, and none near the border": ImageCase(
            {"max_keypoints": 5, "border_removal_distance": 15, "nms_radius": 1}
        ),
    },
)
