"""Embeddings of tokens and of their positions.

A position part is called with the tokens (``None`` where only their embeddings are known), the
embeddings ``(batch, length, size)`` and the span where they stand; it returns what is to be added.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from automodel_core.layers.caches.position import PositionSpan
from automodel_core.layers.kernels.linear import undrawn
from automodel_core.layers.tracing import holds

__all__ = [
    "InterleavedPositions",
    "LearnedPositions",
    "PaddedSinusoidalPositions",
    "ScaledEmbedding",
    "SinusoidalPositions",
]


class ScaledEmbedding(nn.Embedding):
    """Token embeddings that are multiplied by a number."""

    def __init__(
        self, num_embeddings: int, size: int, padding_idx: int | None = None, scale: float = 1.0
    ) -> None:
        weight = undrawn(num_embeddings, size)
        super().__init__(num_embeddings, size, padding_idx, _weight=weight)
        self.scale = scale

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        embedded = super().forward(input)
        return embedded if self.scale == 1.0 else embedded * self.scale


class LearnedPositions(nn.Embedding):
    """A learned row for each of ``count`` positions, behind ``offset`` rows that no one reads."""

    def __init__(self, count: int, size: int, offset: int = 0) -> None:
        super().__init__(count + offset, size, _weight=undrawn(count + offset, size))
        self.offset = offset

    def forward(  # type: ignore[override]
        self, input_ids: Tensor | None, embeds: Tensor, span: PositionSpan
    ) -> Tensor:
        """Return ``(length, size)``; raise ``ValueError`` for more positions than there are."""
        return span.rows_of(self.weight, self.offset)


class SinusoidalPositions(nn.Module):
    """Sines in the first half of the features, cosines in the second, for ``count`` positions.

    A checkpoint may hold the table, perhaps rounded. https://arxiv.org/abs/1706.03762
    """

    weight: Tensor

    def __init__(self, count: int, size: int) -> None:
        super().__init__()
        self.register_buffer("weight", self.table(count, size).clone())

    @staticmethod
    def table(count: int, size: int) -> Tensor:
        """Compute the table ``(count, size)``."""
        return sinusoids(count, size)

    def forward(self, input_ids: Tensor | None, embeds: Tensor, span: PositionSpan) -> Tensor:
        """Return ``(length, size)``; raise ``ValueError`` for more positions than there are."""
        return span.rows_of(self.weight)

    def _load_from_state_dict(
        self, state_dict: Mapping[str, Any], prefix: str, *arguments: Any
    ) -> None:
        if f"{prefix}weight" in state_dict:
            super()._load_from_state_dict(state_dict, prefix, *arguments)

    def are_computed(self, values: Tensor) -> bool:
        """Return whether ``values`` are what `__init__` computes, so that no file needs them."""
        computed = self.table(*values.shape)
        return torch.equal(values.cpu(), computed.to(values.dtype))


class InterleavedPositions(SinusoidalPositions):
    """Sines and cosines in turn: those of one frequency are beside each other."""

    @staticmethod
    def table(count: int, size: int) -> Tensor:
        halves = sinusoids(count, size)
        table = torch.empty_like(halves)
        table[:, 0::2], table[:, 1::2] = halves.tensor_split([(size + 1) // 2], dim=1)
        return table


_tables: dict[tuple[int, int], Tensor] = {}


def sinusoids(count: int, size: int) -> Tensor:
    """Return the table of `SinusoidalPositions`: an encoder and its decoder have the same."""
    table = _tables.get((count, size))
    if table is None:
        table = computed_sinusoids(count, size)
        if type(table) is Tensor:  # and no stand-in, as under FakeTensorMode
            _tables[count, size] = table
    return table


def computed_sinusoids(count: int, size: int) -> Tensor:
    """Return sines and cosines ``(count, size)``, computed in double precision."""
    features = torch.arange(0, size, 2, dtype=torch.float64, device="cpu")
    positions = torch.arange(count, dtype=torch.float64, device="cpu")
    angles = positions[:, None] / 10_000 ** (features / size)
    return torch.cat([angles.sin(), angles[:, : size // 2].cos()], dim=1).float()


class PaddedSinusoidalPositions(nn.Module):
    """Sines and cosines of positions that count no padding, as many as are needed.

    The first token has position ``padding_idx + 1``; padding has none. ``count`` positions are
    computed ahead.
    """

    table: Tensor

    def __init__(self, count: int, size: int, padding_idx: int) -> None:
        super().__init__()
        self.size = size
        self.padding_idx = padding_idx
        self.register_buffer("table", self._computed(count, "cpu"), persistent=False)

    def _computed(self, count: int, device: torch.device | str) -> Tensor:
        # In single precision, as the checkpoints were trained: exact numbers would be others.
        half = self.size // 2
        steps = torch.arange(half, dtype=torch.float32, device=device)
        waves = torch.exp(steps * -(math.log(10_000) / (half - 1)))
        angles = torch.arange(count, dtype=torch.float32, device=device)[:, None] * waves
        table = torch.cat([angles.sin(), angles.cos()], dim=1)
        table = torch.nn.functional.pad(table, (0, self.size % 2))
        table[self.padding_idx] = 0.0
        return table

    def forward(self, input_ids: Tensor | None, embeds: Tensor, span: PositionSpan) -> Tensor:
        """Return ``(batch or 1, length, size)``."""
        needed = self.padding_idx + 1 + span.keys
        if holds(needed > self.table.shape[0]):
            self.table = self._computed(needed + needed // 2, self.table.device)
        if input_ids is None:
            found = span.rows_of(self.table, self.padding_idx + 1)[None]
        else:
            shown = input_ids != self.padding_idx
            positions = (shown.cumsum(dim=1) + span.first) * shown + self.padding_idx
            found = self.table[positions]
        return found.to(embeds.dtype)
