"""Attention by angles within windows (https://arxiv.org/abs/2111.09883)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core.layers.attention import Attention, Projections
from automodel_core.layers.images.windows import offset_rows
from automodel_core.layers.kernels.decode_steps import kept, weight_version
from automodel_core.layers.kernels.linear import is_plain, linear
from automodel_core.layers.tracing import in_trace

__all__ = ["ContinuousPositions", "CosineAttention", "ScaledUnitVectors"]

SHARPEST = math.log(100.0)
"""The most that a head's scale may be, as its logarithm."""
WIDE, HIGHEST = 512, 16.0
"""The inner size of the layers that score offsets, and what a score is below."""


class UnitVectors(nn.Module):
    """States as directions, of length one."""

    def forward(self, states: Tensor) -> Tensor:
        """Normalise the last dimension."""
        return F.normalize(states, dim=-1)


class ScaledUnitVectors(nn.Module):
    """States as directions, of a length that each head has learned."""

    def __init__(self, num_heads: int) -> None:
        super().__init__()
        self.logit_scale = nn.Parameter(torch.zeros(num_heads, 1, 1))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Let scores reach to 10."""
        nn.init.constant_(self.logit_scale, math.log(10.0))

    def forward(self, states: Tensor) -> Tensor:
        """Normalise ``(batch, heads, length, head_dim)``."""
        return F.normalize(states, dim=-1) * self.logit_scale.clamp(max=SHARPEST).exp()


class CosineAttention(Attention):
    """Attention whose scores are cosines of the angles between queries and keys, scaled by head."""

    def __init__(
        self, projections: Projections, *, dropout: float = 0.0, position_scores: nn.Module
    ) -> None:
        super().__init__(projections, dropout=dropout, scale=1.0, position_scores=position_scores)
        self.q_norm = ScaledUnitVectors(projections.num_heads)
        self.k_norm = UnitVectors()


class ContinuousPositions(nn.Module):
    """A number for each head and each offset in a window, by layers that see its logarithm.

    Offsets are measured in windows of ``trained`` patches, by default of ``window``: those that the
    layers have learned from.
    """

    index: Tensor
    offsets: Tensor

    def __init__(self, window: int, num_heads: int, trained: int = 0) -> None:
        super().__init__()
        self.mlp = nn.Sequential(linear(2, WIDE), nn.ReLU(), linear(WIDE, num_heads, bias=False))
        offsets = log_offsets(window, trained or window)
        self.register_buffer("offsets", offsets, persistent=False)
        index = offset_rows(window, window, "cpu")
        self.register_buffer("index", index, persistent=False)

    def forward(self, query: Tensor, key: Tensor) -> Tensor:
        """Return ``(1, heads, queries, keys)``; in evaluation they are kept for the next call."""
        first, _, last = self.mlp
        if torch.is_grad_enabled() or in_trace() or not (is_plain(first) and is_plain(last)):
            return self.computed()
        cast = torch.is_autocast_enabled(query.device.type)
        version = (cast, *map(weight_version, self.mlp.parameters()))
        return kept(self, version, self.computed)

    def computed(self) -> Tensor:
        """Return the same from the weights of this moment."""
        weight = next(self.mlp.parameters())
        table: Tensor = self.mlp(self.offsets.to(weight.dtype))
        rows = (HIGHEST * table.sigmoid().t()).index_select(1, self.index.flatten())
        return rows.view(1, -1, *self.index.shape)


def log_offsets(window: int, trained: int) -> Tensor:
    """Return the logarithms of the offsets in a window, below and beside, row by row.

    An offset as long as a ``trained`` window is 8 before, and about 1 as a logarithm.
    """
    steps = torch.arange(1 - window, window, dtype=torch.float32, device="cpu")
    steps = 8 * steps / max(trained - 1, 1)
    logs = steps.sign() * torch.log2(steps.abs() + 1) / math.log2(8)
    return torch.cartesian_prod(logs, logs)
