"""Depths of pixels, read from what a model estimates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from automodel_core.errors import InputError

__all__ = ["DepthPostProcessing"]


class DepthPostProcessing:
    """What the image processors of depth estimators do with the models' outputs."""

    def post_process_depth_estimation(
        self,
        outputs: Any,
        target_sizes: Sequence[tuple[int, int] | None] | Tensor | None = None,
    ) -> list[dict[str, Tensor]]:
        """Return ``predicted_depth`` ``(height, width)`` of each image.

        ``target_sizes`` has the height and width that each is resized to, or ``None`` for one
        that keeps the model's.
        """
        depths: Tensor = outputs.predicted_depth
        sizes = [None] * len(depths) if target_sizes is None else target_sizes
        if len(sizes) != len(depths):
            raise InputError(f"{len(sizes)} target_sizes were given for {len(depths)} images")
        return [
            {"predicted_depth": depth if size is None else _resized(depth, size)}
            for depth, size in zip(depths, sizes, strict=True)
        ]


def _resized(depth: Tensor, size: Sequence[int] | Tensor) -> Tensor:
    height, width = (int(edge) for edge in size)
    return F.interpolate(depth[None, None], (height, width), mode="bicubic")[0, 0]
