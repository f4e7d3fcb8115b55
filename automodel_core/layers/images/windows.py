"""Attention within windows of an image's patches (https://arxiv.org/abs/2103.14030).

States are ``(batch, rows, columns, size)`` here, one for each patch.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core.layers.kernels.linear import linear, project
from automodel_core.layers.tracing import holds

__all__ = [
    "MergedPatches",
    "MergedThenNormed",
    "WindowPositions",
    "Windows",
    "between_windows",
    "from_windows",
    "offset_rows",
    "to_windows",
]

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


class Windows:
    """How a map of patches is cut into windows: found once, for all layers that cut it so.

    ``mask`` keeps apart what a shift has brought together, as `between_windows` says.
    """

    def __init__(self, states: Tensor, window: int, shift: int) -> None:
        _, height, width, _ = states.shape
        self.window, self.shift, self.height, self.width = window, shift, height, width
        self.is_whole = holds(height % window == 0) and holds(width % window == 0)
        numbers = torch.arange(1, height * width + 1, device=states.device)
        cut = to_windows(numbers.view(1, height, width, 1), window, shift).flatten()
        self._cut = cut - 1 if self.is_whole else cut  # 0 is what pads the last windows
        places = torch.arange(cut.shape[0], device=states.device).view(-1, window**2, 1)
        self._put_back = from_windows(places, window, shift, height, width).flatten()
        self.mask = between_windows(states, window, shift)

    def cut(self, states: Tensor) -> Tensor:
        """Return ``(batch * windows, window ** 2, size)`` of ``(batch, height, width, size)``."""
        patches = states.flatten(1, 2)
        if not self.is_whole:
            patches = F.pad(patches, (0, 0, 1, 0))
        return patches.index_select(1, self._cut).view(-1, self.window**2, states.shape[-1])

    def put_back(self, windows: Tensor) -> Tensor:
        """Undo `cut`: return ``(batch, height, width, size)``."""
        patches = windows.reshape(-1, self._cut.shape[0], windows.shape[-1])
        states: Tensor = patches.index_select(1, self._put_back)
        return states.view(-1, self.height, self.width, windows.shape[-1])


def offset_rows(window: int, whole: int, device: torch.device | str) -> Tensor:
    """Return which row of a table is for the offset from each patch of a window to each other.

    The table has the offsets in a ``whole`` window, of which this one may be a part.
    """
    places = torch.arange(window, device=device)
    rows, columns = (part.flatten() for part in torch.meshgrid(places, places, indexing="ij"))
    below, beside = (part[:, None] - part[None, :] for part in (rows, columns))
    return (below + whole - 1) * (2 * whole - 1) + beside + whole - 1


class WindowPositions(nn.Module):
    """A learned number for each head and each offset between two patches of a window.

    ``index[q, k]`` is the row of ``table`` for the offset from query to key in a whole window. It
    is ``in_files`` too where checkpoints hold it.
    """

    index: Tensor

    def __init__(self, window: int, num_heads: int, *, in_files: bool = False) -> None:
        super().__init__()
        self.window = window
        self.table = nn.Parameter(torch.zeros((2 * window - 1) ** 2, num_heads))
        self.register_buffer("index", offset_rows(window, window, "cpu"), persistent=in_files)

    def forward(self, query: Tensor, key: Tensor) -> Tensor:
        """Return ``(1, heads, queries, keys)`` for the patches of a window, row by row."""
        window = math.isqrt(int(query.shape[2]))
        whole = window == self.window
        index = self.index if whole else offset_rows(window, self.window, self.table.device)
        rows = self.table.t().index_select(1, index.flatten())
        return rows.view(1, -1, *index.shape)


def squares(states: Tensor) -> Tensor:
    """Return the states of each square of four patches in a row, the last ones padded."""
    height, width = states.shape[1:3]
    states = F.pad(states, (0, 0, 0, width % 2, 0, height % 2))
    corners = [states[:, row::2, column::2] for column in (0, 1) for row in (0, 1)]
    return torch.cat(corners, dim=-1)


class MergedPatches(nn.Module):
    """Each square of four patches as one, of twice the size."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * size)
        self.reduction = linear(4 * size, 2 * size, bias=False)

    def forward(self, states: Tensor) -> Tensor:
        """Return ``(batch, ceil(rows / 2), ceil(columns / 2), 2 * size)``."""
        return project(self.reduction, self.norm(squares(states)))


class MergedThenNormed(nn.Module):
    """The same with the norm behind (https://arxiv.org/abs/2111.09883)."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.reduction = linear(4 * size, 2 * size, bias=False)
        self.norm = nn.LayerNorm(2 * size)

    def forward(self, states: Tensor) -> Tensor:
        """Return ``(batch, ceil(rows / 2), ceil(columns / 2), 2 * size)``."""
        normed: Tensor = self.norm(project(self.reduction, squares(states)))
        return normed
