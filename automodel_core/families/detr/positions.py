"""Positions in a plane: half of the features tell the row, the other half the column."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from automodel_core.layers.kernels.linear import embedding, look_up

__all__ = ["LearnedPlanePositions", "SinePlanePositions"]

PERIOD = 10_000
EPSILON = 1e-6


class SinePlanePositions(nn.Module):
    """Sines and cosines of where a place is between the edges of its image.

    ``size`` counts the features of both halves together.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.per_axis = size // 2

    def forward(self, mask: Tensor, dtype: torch.dtype) -> Tensor:
        """Return ``(batch, size, rows, columns)`` for a mask ``(batch, rows, columns)``.

        The mask is true where a map shows the image, and false where it is padded.
        """
        shown = mask.to(dtype)
        features = torch.arange(self.per_axis, device=mask.device)
        periods = PERIOD ** (2 * (features // 2).to(dtype) / self.per_axis)
        halves = []
        for axis in (1, 2):
            counted = shown.cumsum(axis)
            last = counted.narrow(axis, counted.shape[axis] - 1, 1)
            angles = (counted / (last + EPSILON) * (2 * math.pi))[..., None] / periods
            waves = torch.stack([angles[..., 0::2].sin(), angles[..., 1::2].cos()], dim=-1)
            halves.append(waves.flatten(-2))
        return torch.cat(halves, dim=-1).permute(0, 3, 1, 2)


class LearnedPlanePositions(nn.Module):
    """A learned embedding of the column, then one of the row, of ``count`` each."""

    def __init__(self, size: int, count: int = 50) -> None:
        super().__init__()
        self.row_embeddings = embedding(count, size // 2)
        self.column_embeddings = embedding(count, size // 2)

    def forward(self, mask: Tensor, dtype: torch.dtype) -> Tensor:
        """Return ``(batch, size, rows, columns)`` for a mask ``(batch, rows, columns)``."""
        batch, rows, columns = mask.shape
        by_column = look_up(self.column_embeddings, torch.arange(columns, device=mask.device))
        by_row = look_up(self.row_embeddings, torch.arange(rows, device=mask.device))
        plane = torch.cat(
            [by_column.expand(rows, -1, -1), by_row[:, None].expand(-1, columns, -1)], dim=-1
        )
        return plane.to(dtype).permute(2, 0, 1).expand(batch, -1, -1, -1)
