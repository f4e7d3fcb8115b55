"""Architectures that see videos: pixels, hidden tubelets and labels for both sides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from automodel_core.layers.images.patches import edges, patch_grid
from support.family import ROWS, Case
from support.images import ImageFamily

__all__ = ["VideoFamily"]


@dataclass(frozen=True)
class VideoFamily(ImageFamily):
    """An architecture whose heads see videos; pretraining hides as many tubelets of each."""

    def batch(self, case: Case, head: str, rows: int = ROWS, seed: int = 0) -> dict[str, Any]:
        settings = {"num_channels": 3, "tubelet_size": 2, **self.small, **case.settings}
        chance = torch.Generator().manual_seed(seed)
        frames, size = settings["num_frames"], edges(settings["image_size"])
        shape = (rows, frames, settings["num_channels"], *size)
        given: dict[str, Any] = {"pixel_values": torch.randn(shape, generator=chance)}
        if head.endswith("ForPreTraining"):
            height, width = patch_grid(size, settings["patch_size"])
            tubelets = frames // settings["tubelet_size"] * height * width
            order = torch.rand(rows, tubelets, generator=chance).argsort(dim=1)
            given["bool_masked_pos"] = order < 2 * tubelets // 3
        return given

    def labels(self, head: str, given: Mapping[str, Tensor], config: Any) -> dict[str, Tensor]:
        if not head.endswith("ForVideoClassification"):
            return {}
        return super().labels(head.replace("Video", "Image"), given, config)
