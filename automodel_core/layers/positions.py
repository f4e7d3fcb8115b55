"""Positions as numbers that are added to attention scores."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from automodel_core.layers.cache import Cache
from automodel_core.layers.linear import Embedding

__all__ = ["RelativePositionBias"]


class RelativePositionBias(nn.Module):
    """A learned number for each head and each bucket of distances (https://arxiv.org/abs/1910.10683).

    Half of the buckets hold one distance each, the others ever more of them up to ``max_distance``,
    the last one all beyond. ``bidirectional`` gives half of the buckets to keys after the query.
    """

    def __init__(
        self, num_heads: int, num_buckets: int, max_distance: int, *, bidirectional: bool
    ) -> None:
        super().__init__()
        self.num_buckets = num_buckets
        self.max_distance = max_distance
        self.bidirectional = bidirectional
        self.bias = Embedding(num_buckets, num_heads)

    def forward(self, query: Tensor, key: Tensor) -> Tensor:
        """Return ``(1, heads, queries, keys)`` for an attention's heads."""
        return self.between(query.shape[2], key.shape[2])

    def between(self, queries: int, keys: int) -> Tensor:
        """Return ``(1, heads, queries, keys)``; the queries are the last of the keys' positions."""
        positions = torch.arange(keys, device=self.bias.weight.device)
        distances = positions - positions[keys - queries :, None]
        biases: Tensor = self.bias(self._bucket(distances))
        return biases.permute(2, 0, 1)[None]

    def of_last(self, keys: int, cache: Cache) -> Tensor:
        """Return the biases of the newest query, from a table that a sequence computes once."""
        table: Tensor | None = cache.memo.get(self)
        if table is None or table.shape[-1] < keys:
            table = cache.memo[self] = self.between(1, 2 * keys + 128)
        return table[..., table.shape[-1] - keys :]

    def _bucket(self, distances: Tensor) -> Tensor:
        buckets, offset = self.num_buckets, torch.zeros_like(distances)
        if self.bidirectional:
            buckets //= 2
            offset, lengths = (distances > 0) * buckets, distances.abs()
        else:
            lengths = (-distances).clamp(min=0)
        exact = buckets // 2
        ratio = torch.log(lengths.float() / exact) / math.log(self.max_distance / exact)
        wide = (exact + (ratio * (buckets - exact)).long()).clamp(max=buckets - 1)
        return offset + torch.where(lengths < exact, lengths, wide)
