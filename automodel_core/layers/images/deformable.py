"""Attention to sampled places of maps of several sizes (https://arxiv.org/abs/2010.04159)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core.layers.kernels.linear import linear, project

__all__ = ["DeformableAttention", "map_centres"]

Shapes = Sequence[tuple[int, int]]
"""Rows and columns of each map."""


class DeformableAttention(nn.Module):
    """Attention of each state to a few places of each map, which it chooses itself.

    A state says where it looks, as offsets from its references, and how much each place counts: it
    compares no keys. Each head has ``points`` places in each of ``levels`` maps.
    """

    def __init__(self, size: int, num_heads: int, levels: int, points: int = 4) -> None:
        super().__init__()
        if size % num_heads:
            raise ValueError(f"size {size} is not a multiple of {num_heads} attention heads")
        self.num_heads = num_heads
        self.levels = levels
        self.points = points
        places = num_heads * levels * points
        self.sampling_offsets = linear(size, 2 * places)
        self.attention_weights = linear(size, places)
        self.v_proj = linear(size, size)
        self.o_proj = linear(size, size)
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Let heads look into directions of their own, at 1, 2, ... places' distance, equally."""
        for layer in (self.v_proj, self.o_proj):
            nn.init.xavier_uniform_(layer.weight)
            layer.bias.zero_()
        for layer in (self.sampling_offsets, self.attention_weights):
            layer.weight.zero_()
            layer.bias.zero_()
        bias = self.sampling_offsets.bias
        turns = torch.arange(self.num_heads, dtype=bias.dtype, device=bias.device)
        angles = turns * (2 * math.pi / self.num_heads)
        directions = torch.stack([angles.cos(), angles.sin()], dim=-1)
        directions = directions / directions.abs().amax(-1, keepdim=True)
        steps = torch.arange(1, self.points + 1, dtype=bias.dtype, device=bias.device)
        far = directions[:, None, None] * steps[:, None]
        bias.copy_(far.expand(-1, self.levels, -1, -1).flatten())

    def forward(
        self,
        hidden_states: Tensor,
        context: Tensor,
        shapes: Shapes,
        references: Tensor,
        *,
        positions: Tensor | None = None,
        shown: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Attend from states ``(batch, queries, size)`` to maps, one after the other in a context.

        ``context`` is ``(batch, places, size)``, and ``shown`` ``(batch, places)`` is false where
        maps are padded. ``references`` ``(batch, queries, levels, 2 or 4)``, or what broadcasts to
        it, have x and y in each map, as shares of its width and height; with width and height of a
        box behind them, offsets are measured in boxes, and else in places. ``positions`` are added
        where states choose. Return states, and the weights ``(batch, queries, heads, levels,
        points)``.
        """
        if references.shape[-1] not in (2, 4):
            raise ValueError(
                f"references have 2 numbers, or 4 with those of a box, not {references.shape[-1]}"
            )
        placed = hidden_states if positions is None else hidden_states + positions
        each = self.num_heads, self.levels, self.points
        offsets = project(self.sampling_offsets, placed).unflatten(-1, (*each, 2))
        scores = project(self.attention_weights, placed).unflatten(-1, (self.num_heads, -1))
        weights = scores.softmax(-1).unflatten(-1, each[1:])
        values = project(self.v_proj, context)
        if shown is not None:
            values = values.masked_fill(~shown[..., None], 0.0)
        places = self._places(references[:, :, None, :, None], offsets, shapes)
        return project(self.o_proj, attended(values, shapes, places, weights)), weights

    def _places(self, references: Tensor, offsets: Tensor, shapes: Shapes) -> Tensor:
        """Return where heads look, ``(batch, queries, heads, levels, points, 2)``."""
        if references.shape[-1] == 4:
            return references[..., :2] + offsets / self.points * references[..., 2:] * 0.5
        widths = offsets.new_tensor([(columns, rows) for rows, columns in shapes])
        return references + offsets / widths[:, None]


def attended(values: Tensor, shapes: Shapes, places: Tensor, weights: Tensor) -> Tensor:
    """Return the weighed sums of values ``(batch, places, size)`` where heads look."""
    batch, queries, heads = places.shape[:3]
    grids = (2 * places - 1).transpose(1, 2).flatten(0, 1)
    shares = weights.transpose(1, 2).flatten(0, 1)
    counts = [rows * columns for rows, columns in shapes]
    parts = []
    for level, part in enumerate(values.split(counts, dim=1)):
        plane = part.transpose(1, 2).reshape(batch * heads, -1, *shapes[level])
        seen = F.grid_sample(plane, grids[:, :, level], align_corners=False)
        parts.append((seen * shares[:, None, :, level]).sum(-1))
    return reduce(torch.add, parts).reshape(batch, -1, queries).transpose(1, 2)


def map_centres(shapes: Shapes, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return x and y of all places of maps, as shares, ``(1, places, 1, 2)``.

    They are references of maps that look at themselves and at each other.
    """
    centres = []
    for rows, columns in shapes:
        across, down = (
            (torch.arange(count, dtype=dtype, device=device) + 0.5) / count
            for count in (columns, rows)
        )
        x, y = across.expand(rows, -1), down[:, None].expand(-1, columns)
        centres.append(torch.stack([x, y], dim=-1).flatten(0, 1))
    return torch.cat(centres)[None, :, None]
