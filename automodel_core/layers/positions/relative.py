"""Positions as numbers that are added to attention scores."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from automodel_core.layers.caches.base import Cache
from automodel_core.layers.caches.position import PositionSpan
from automodel_core.layers.kernels.linear import embedding

__all__ = ["RelativePositionBias"]


class RelativePositionBias(nn.Module):
    """A learned number for each head and each bucket of distances (https://arxiv.org/abs/1910.10683).

    Half of the buckets hold one distance each, the others ever more of them up to ``max_distance``,
    the last one all beyond; all that are left, if ``max_distance`` is no more than that half.
    ``bidirectional`` gives half of the buckets to keys after the query.
    """

    tp_plan: ClassVar[Mapping[str, str]] = {"bias": "colwise"}
    """How processes share out the layer, each the numbers of its heads."""

    def __init__(
        self, num_heads: int, num_buckets: int, max_distance: int, *, bidirectional: bool
    ) -> None:
        super().__init__()
        self.num_buckets = num_buckets
        self.max_distance = max_distance
        self.bidirectional = bidirectional
        self.bias = embedding(num_buckets, num_heads)

    def forward(self, query: Tensor, key: Tensor, positions: Tensor | None = None) -> Tensor:
        """Return ``(1, heads, queries, keys)`` for an attention's heads.

        Unless their ``positions`` are given, the queries are the last of the keys' positions.
        """
        queries, keys = query.shape[2], key.shape[2]
        if positions is None:
            positions = torch.arange(keys - queries, keys, device=key.device)
        return self._between(positions, keys)

    def at(self, span: PositionSpan, cache: Cache | None) -> Tensor:
        """Return ``(1, heads, queries, keys)`` for new tokens.

        In a decoding loop, single-token biases are sliced from a table cached per sequence.
        """
        if cache is None or not cache.decoding or span.length > 1:
            return self._between(span.positions, span.keys)
        table: Tensor | None = cache.memo.get(self)
        if table is None or table.shape[-1] < span.keys:
            last = 2 * span.keys + 127
            table = self._between(torch.tensor([last], device=span.device), last + 1)
            cache.memo[self] = table
        return table[..., table.shape[-1] - span.keys :]

    def _between(self, queries: Tensor, keys: int) -> Tensor:
        distances = torch.arange(keys, device=queries.device) - queries[:, None]
        biases: Tensor = self.bias(self._bucket(distances))
        return biases.permute(2, 0, 1)[None]

    def _bucket(self, distances: Tensor) -> Tensor:
        buckets, offset = self.num_buckets, torch.zeros_like(distances)
        if self.bidirectional:
            buckets //= 2
            offset, lengths = (distances > 0) * buckets, distances.abs()
        else:
            lengths = (-distances).clamp(min=0)
        exact, last = buckets // 2, buckets - 1
        if self.max_distance <= exact:
            return offset + torch.where(lengths < exact, lengths, last)
        ratio = torch.log(lengths.float() / exact) / math.log(self.max_distance / exact)
        wide = (exact + (ratio * (buckets - exact)).long()).clamp(max=last)
        return offset + torch.where(lengths < exact, lengths, wide)
