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

    def fit(self, mask: Mask, queries: Tensor) -> Mask:
        """Return a mask that also hides the unused slots behind each query."""
        if isinstance(mask, KeyView) and mask is not CAUSAL:
            return mask
        places = torch.arange(self._key.shape[2], device=queries.device)
        hidden = places > self.query_positions(queries.shape[1])[:, None]
        if not isinstance(mask, Tensor):
            mask = torch.zeros_like(hidden[None, None], dtype=queries.dtype)
        return mask.masked_fill(hidden, torch.finfo(queries.dtype).min)

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
        self._states: list[CompiledSelfAttentionCache] = []
        for given in cache.layers:
            key, value = (_with_room(t, room) for t in given.state.tensors or ())
            self._states.append(CompiledSelfAttentionCache(key, value, self.next))
            layer = LayerCache(self._states[-1])
            if given.cross_attn.tensors is not None:
                key, value = (_with_room(t, context_room) for t in given.cross_attn.tensors)
                layer.cross_attn.tensors = key, value
            self.layers.append(layer)

    def buffers(self) -> Iterator[Tensor]:
        """Return every tensor whose address never changes."""
        yield self.next
        yield from self._parts()

    def _parts(self) -> Iterator[Tensor]:
        for state, layer in zip(self._states, self.layers, strict=True):
            yield from state.buffers
            yield from layer.cross_attn.tensors or ()

    def takes(self, cache: Cache) -> bool:
        """Return whether `load` can copy a cache to here."""
        ours, theirs = list(self._parts()), list(_parts(cache))
        return len(ours) == len(theirs) and all(
            _like(mine) == _like(other) for mine, other in zip(ours, theirs, strict=True)
        )

    def load(self, cache: Cache) -> None:
        """Hold what another cache does."""
        for mine, other in zip(self._parts(), _parts(cache), strict=True):
            mine[:, :, : other.shape[2]] = other
            mine[:, :, other.shape[2] :] = 0  # hidden, and no NaN that would come through
        self.length = 0
        self.next.zero_()
        self.advance(cache.get_seq_length())
        self.next.fill_(self.length)

    def store(self, cache: Cache) -> None:
        """Let another cache hold what this one does of the text."""
        cache.crop(0)
        for index, state in enumerate(self._states):
            if state.tensors is not None:
                cache.update(*state.tensors, index)

    def advance(self, length: int) -> None:
        """Count positions that a step has written."""
        self.length += length
        for state in self._states:
            state.length = self.length

    def span(self, length: int, device: torch.device) -> CompiledSpan:
        return CompiledSpan(self, length)

    def get_seq_length(self, layer_idx: int = 0) -> int:
        return self.length

    def get_max_cache_shape(self, layer_idx: int = 0) -> int:
        return self.room

    def reorder(self, index: Tensor, since: int = 0) -> None:
        """Let row ``i`` continue what row ``index[i]``, of the same context, was."""
        for state in self._states:
            state.reorder(index, since)


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


def _parts(cache: Cache) -> Iterator[Tensor]:
    """Return the tensors in use of all layers."""
    for layer in cache.layers:
        yield from layer.state.tensors or ()
        yield from layer.cross_attn.tensors or ()


def _like(tensor: Tensor) -> tuple[Any, ...]:
    rows, heads, _, size = tensor.shape
    return rows, heads, size, tensor.dtype, tensor.device


def _with_room(tensor: Tensor, room: int) -> Tensor:
    rows, heads, _, size = tensor.shape
    return tensor.new_zeros(rows, heads, room, size)
