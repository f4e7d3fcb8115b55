"""A cache of fixed shapes, for steps that are compiled once for all lengths."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from automodel_core.layers.caches.base import Cache, LayerCache, SelfAttentionCache
from automodel_core.layers.caches.key_view import CAUSAL, KeyView, Mask
from automodel_core.layers.caches.position import PositionSpan

__all__ = ["CompiledCache", "CompiledSelfAttentionCache", "CompiledSpan"]


class CompiledSelfAttentionCache(SelfAttentionCache):
    """Keys and values in buffers that never move; `update` returns them whole."""

    def __init__(self, key: Tensor, value: Tensor, start: Tensor) -> None:
        super().__init__()
        self._key: Tensor = key
        self._value: Tensor = value
        self._next = start

    def update(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        places = self.query_positions(key.shape[2])
        self._key.index_copy_(2, places, key)
        self._value.index_copy_(2, places, value)
        return self._key, self._value

    def query_positions(self, length: int) -> Tensor:
        return self._next + torch.arange(length, device=self._next.device)

    @property
    def buffers(self) -> tuple[Tensor, Tensor]:
        return self._key, self._value


class CompiledCache(Cache):
    """A copy of ``cache`` for ``room`` positions, and ``context_room`` of cross-attention's.

    ``next``, the position of the next token, is a tensor that the compiled step reads and writes;
    the caller of the step calls `advance` after it. Layers run their ``forward``, not a prepared
    step. ``limit`` is the model's maximum position count, learnt from `PositionSpan.exceeds`.
    """

    def __init__(self, cache: Cache, room: int, context_room: int) -> None:
        super().__init__()
        self.room = room
        self.context_room = context_room
        self.length = 0
        self.limit = room
        device = cache.layers[0].keys.device  # type: ignore[union-attr]
        self.next = torch.zeros((), dtype=torch.long, device=device)
        for given in cache.layers:
            key, value = (_with_room(t, room) for t in given.self_attn.tensors or ())
            layer = LayerCache(CompiledSelfAttentionCache(key, value, self.next))
            if given.cross_attn.tensors is not None:
                key, value = (_with_room(t, context_room) for t in given.cross_attn.tensors)
                layer.cross_attn.tensors = key, value
            self.layers.append(layer)

    def buffers(self) -> Iterator[Tensor]:
        """Return every tensor whose address never changes."""
        yield self.next
        for layer in self.layers:
            yield from layer.self_attn.buffers  # type: ignore[attr-defined]
            yield from layer.cross_attn.tensors or ()

    def takes(self, cache: Cache) -> bool:
        """Return whether `load` can copy a cache to here."""
        ours, theirs = list(_parts(self)), list(_parts(cache))
        return len(ours) == len(theirs) and all(
            _like(mine) == _like(other) for mine, other in zip(ours, theirs, strict=True)
        )

    def load(self, cache: Cache) -> None:
        """Hold what another cache does."""
        for mine, other in zip(_parts(self, whole=True), _parts(cache), strict=True):
            mine[:, :, : other.shape[2]] = other
            mine[:, :, other.shape[2] :] = 0  # hidden, and no NaN that would come through
        self.length = 0
        self.next.zero_()
        self.advance(cache.get_seq_length())
        self.next.fill_(self.length)

    def store(self, cache: Cache) -> None:
        """Let another cache hold what this one does of the text."""
        cache.crop(0)
        for index, layer in enumerate(self.layers):
            if layer.self_attn.tensors is not None:
                cache.update(*layer.self_attn.tensors, index)

    def advance(self, length: int) -> None:
        """Count positions that a step has written."""
        self.length += length
        for layer in self.layers:
            layer.self_attn.length = self.length

    def span(self, length: int, device: torch.device) -> CompiledSpan:
        return CompiledSpan(self, length)

    def fit(self, mask: Mask, queries: Tensor) -> Mask:
        """Return a mask that also hides the unused slots behind each query."""
        if isinstance(mask, KeyView) and mask is not CAUSAL:
            return mask
        places = torch.arange(self.room, device=queries.device)
        hidden = places > self.span(queries.shape[1], queries.device).positions[:, None]
        if not isinstance(mask, Tensor):
            mask = torch.zeros_like(hidden, dtype=queries.dtype)
        return mask.masked_fill(hidden, torch.finfo(queries.dtype).min)

    def get_seq_length(self, layer_idx: int = 0) -> int:
        return self.length

    def get_max_cache_shape(self, layer_idx: int = 0) -> int:
        return self.room

    def reorder(self, index: Tensor, since: int = 0) -> None:
        """Let row ``i`` continue what row ``index[i]``, of the same context, was."""
        for layer in self.layers:
            layer.self_attn.reorder(index, since)


class CompiledSpan(PositionSpan):
    """New tokens behind those of a `CompiledCache`, whose length is a tensor.

    A compiled step cannot check whether the model has positions enough: the run before it was
    compiled tells the cache the limit.
    """

    is_compiled = True

    def __init__(self, cache: CompiledCache, length: int) -> None:
        self.cache = cache
        self.length = length
        self.device = cache.next.device

    @property
    def begins(self) -> bool:
        return False

    @property
    def end(self) -> int:
        return self.cache.length + self.length

    @property
    def keys(self) -> int:
        return self.cache.room

    @property
    def first(self) -> Tensor:
        return self.cache.next

    @property
    def positions(self) -> Tensor:
        return self.cache.next + torch.arange(self.length, device=self.device)

    def exceeds(self, limit: int) -> bool:
        if torch.compiler.is_compiling():
            return False
        self.cache.limit = min(limit, self.cache.limit)
        return super().exceeds(limit)

    def _rows_of(self, table: Tensor, unused: int) -> Tensor:
        return F.embedding(self.positions + unused, table)


def _parts(cache: Cache, *, whole: bool = False) -> Iterator[Tensor]:
    """Return the tensors of all layers; with ``whole`` those in no use, too."""
    for layer in cache.layers:
        own = layer.self_attn
        yield from own.buffers if whole else own.tensors or ()  # type: ignore[attr-defined]
        yield from layer.cross_attn.tensors or ()


def _like(tensor: Tensor) -> tuple[Any, ...]:
    rows, heads, _, size = tensor.shape
    return rows, heads, size, tensor.dtype, tensor.device


def _with_room(tensor: Tensor, room: int) -> Tensor:
    rows, heads, _, size = tensor.shape
    return tensor.new_zeros(rows, heads, room, size)
