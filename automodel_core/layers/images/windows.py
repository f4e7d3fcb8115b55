"""Attention within windows of an image's patches (Swin, https://arxiv.org/abs/2103.14030).

States are ``(batch, rows, columns, size)`` here, one for each patch.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core.layers.kernels.linear import linear, project

__all__ = ["MergedPatches", "WindowPositions", "between_windows", "from_windows", "to_windows"]

HIDDEN = -100.0
"""Added to the scores of patches that are neighbours by the cyclic shift only."""


def to_windows(states: Tensor, window: int, shift: int) -> Tensor:
    """Pad to whole windows, shift cyclically by ``shift`` patches, and partition.

    Return ``(batch * windows, window ** 2, size)``.
    """
    batch, height, width, size = states.shape
    states = F.pad(states, (0, 0, 0, -width % window, 0, -height % window))
    if shift:
        states = states.roll((-shift, -shift), dims=(1, 2))
    rows, columns = states.shape[1] // window, states.shape[2] // window
    grid = states.view(batch, rows, window, columns, window, size)
    return grid.transpose(2, 3).reshape(-1, window * window, size)


def from_windows(windows: Tensor, window: int, shift: int, height: int, width: int) -> Tensor:
    """Undo `to_windows`: return ``(batch, height, width, size)``."""
    rows, columns = -(-height // window), -(-width // window)
    grid = windows.view(-1, rows, columns, window, window, windows.shape[-1]).transpose(2, 3)
    states = grid.reshape(-1, rows * window, columns * window, windows.shape[-1])
    if shift:
        states = states.roll((shift, shift), dims=(1, 2))
    return states[:, :height, :width]


def between_windows(states: Tensor, window: int, shift: int) -> Tensor | None:
    """Return the additive mask ``(batch * windows, 1, window ** 2, window ** 2)`` of a shift.

    It hides patches that are neighbours by the cyclic shift only; ``None`` without a shift.
    """
    if not shift:
        return None
    batch, height, width, _ = states.shape
    parts = []
    for edge in (height + -height % window, width + -width % window):
        places = torch.arange(edge, device=states.device)
        parts.append((places >= edge - window).long() + (places >= edge - shift).long())
    region = 3 * parts[0][:, None] + parts[1]
    windows = to_windows(region[None, :, :, None], window, 0)[..., 0]
    apart = windows[:, None, :] != windows[:, :, None]
    mask = torch.zeros_like(apart, dtype=states.dtype).masked_fill_(apart, HIDDEN)
    return mask[:, None].repeat(batch, 1, 1, 1)


class WindowPositions(nn.Module):
    """A learned number for each head and each offset between two patches of a window.

    ``index[q, k]`` is the row of ``table`` for the offset from query to key in a whole window;
    checkpoints hold it too.
    """

    index: Tensor

    def __init__(self, window: int, num_heads: int) -> None:
        super().__init__()
        self.window = window
        self.table = nn.Parameter(torch.zeros((2 * window - 1) ** 2, num_heads))
        self.register_buffer("index", self.offset_rows(window, "cpu"))

    def offset_rows(self, window: int, device: torch.device | str) -> Tensor:
        """Return the rows of the table, ``(n, n)``, for a window that may be smaller."""
        places = torch.arange(window, device=device)
        rows, columns = (part.flatten() for part in torch.meshgrid(places, places, indexing="ij"))
        below, beside = (part[:, None] - part[None, :] for part in (rows, columns))
        return (below + self.window - 1) * (2 * self.window - 1) + beside + self.window - 1

    def forward(self, query: Tensor, key: Tensor) -> Tensor:
        """Return ``(1, heads, queries, keys)`` for the patches of a window, row by row."""
        window = math.isqrt(int(query.shape[2]))
        whole = window == self.window
        index = self.index if whole else self.offset_rows(window, self.table.device)
        return self.table[index].permute(2, 0, 1)[None]


class MergedPatches(nn.Module):
    """Each square of four patches as one, of twice the size."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * size)
        self.reduction = linear(4 * size, 2 * size, bias=False)

    def forward(self, states: Tensor) -> Tensor:
        """Return ``(batch, ceil(rows / 2), ceil(columns / 2), 2 * size)``."""
        height, width = states.shape[1:3]
        states = F.pad(states, (0, 0, 0, width % 2, 0, height % 2))
        corners = [states[:, row::2, column::2] for column in (0, 1) for row in (0, 1)]
        return project(self.reduction, self.norm(torch.cat(corners, dim=-1)))
