"""A cache of fixed shapes, for steps that are compiled once for all lengths."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from automodel_core.layers.caches.base import Cache, LayerCache, SelfAttentionCache
from automodel_core.layers.caches.key_view import CAUSAL, KeyView, Mask
from automodel_core.layers.caches.position import PositionSpan
from automodel_core.layers.caches.state import LayerState, RecurrentState
from automodel_core.layers.caches.static import StaticSelfAttentionCache

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "CompiledCache",
    "CompiledRecurrentState",
    "CompiledSelfAttentionCache",
    "CompiledSpan",
    "why_not_compiled",
]


class CompiledState(LayerState, Protocol):
    """A state whose tensors never move: a compiled step writes them in place."""

    @property
    def buffers(self) -> tuple[Tensor, ...]: ...

    def over(self, buffers: Sequence[Tensor], start: Tensor) -> Self:
        """Return a state of this form that keeps what it knows in other buffers."""

    def takes(self, state: LayerState) -> bool:
        """Return whether `load` can copy a state to here."""

    def load(self, state: Any) -> None:
        """Hold what another state does."""

    def store(self, state: Any) -> None:
        """Let another state of this kind, which saw less of the same text, hold what this does."""


class CompiledSelfAttentionCache(SelfAttentionCache):
    """Keys and values in buffers of ``room`` positions; `update` returns them whole.

    ``start`` is a tensor: the position of the next token.
    """

    def __init__(self, state: SelfAttentionCache, room: int, start: Tensor) -> None:
        super().__init__()
        key, value = (_with_room(tensor, room) for tensor in state.tensors or ())
        self._key: Tensor = key
        self._value: Tensor = value
        self._next = start

    def over(self, buffers: Sequence[Tensor], start: Tensor) -> Self:
        other = copy.copy(self)
        other._key, other._value = buffers
        other._next = start
        return other

    def update(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        places, buffers = self.query_positions(key.shape[2]), self.buffers
        for buffer, new in zip(buffers, (key, value), strict=True):
            buffer.index_copy_(2, places, new)
        return buffers

    def query_positions(self, length: int) -> Tensor:
        return self._next + torch.arange(length, device=self._next.device)

    def fit(self, mask: Mask, queries: Tensor) -> Mask:
        """Return a mask that also hides the unused slots behind each query."""
        if isinstance(mask, KeyView) and mask is not CAUSAL:
            return mask
        places = torch.arange(self.buffers[0].shape[2], device=queries.device)
        hidden = places > self.query_positions(queries.shape[1])[:, None]
        if not isinstance(mask, Tensor):
            mask = torch.zeros_like(hidden[None, None], dtype=queries.dtype)
        return mask.masked_fill(hidden, torch.finfo(queries.dtype).min)

    @property
    def buffers(self) -> tuple[Tensor, Tensor]:
        return self._key, self._value

    def takes(self, state: LayerState) -> bool:
        tensors = state.tensors if isinstance(state, SelfAttentionCache) else None
        return tensors is not None and _likes(self.buffers) == _likes(tensors)

    def load(self, state: Any) -> None:
        for buffer, held in zip(self.buffers, state.tensors, strict=True):
            _fill(buffer, held)
        self.length = state.length

    def store(self, state: Any) -> None:
        state.crop(0)
        if self.tensors is not None:
            state.update(*self.tensors)


class CompiledRecurrentState(RecurrentState):
    """A recurrent state in buffers; `update` copies to them."""

    def __init__(self, state: RecurrentState, room: int, start: Tensor) -> None:
        super().__init__()
        self.buffers = tuple(torch.zeros_like(tensor) for tensor in state.tensors or ())
        self.tensors = self.buffers

    def over(self, buffers: Sequence[Tensor], start: Tensor) -> Self:
        other = copy.copy(self)
        other.buffers = other.tensors = tuple(buffers)
        return other

    def update(self, tensors: tuple[Tensor, ...], new: int) -> None:
        for buffer, tensor in zip(self.buffers, tensors, strict=True):
            buffer.copy_(tensor)

    def transform(self, function: Callable[[Tensor], Tensor]) -> None:
        for buffer in self.buffers:
            buffer.copy_(function(buffer))

    def takes(self, state: LayerState) -> bool:
        return isinstance(state, RecurrentState) and [
            (tensor.shape, tensor.dtype, tensor.device) for tensor in self.buffers
        ] == [(tensor.shape, tensor.dtype, tensor.device) for tensor in state.tensors or ()]

    def load(self, state: Any) -> None:
        self.update(state.tensors, 0)
        self.length = state.length

    def store(self, state: Any) -> None:
        state.update(tuple(buffer.clone() for buffer in self.buffers), self.length - state.length)


COMPILED: Mapping[type[LayerState], Callable[[Any, int, Tensor], CompiledState]] = {
    RecurrentState: CompiledRecurrentState,
    SelfAttentionCache: CompiledSelfAttentionCache,
    StaticSelfAttentionCache: CompiledSelfAttentionCache,
}
"""What a compiled step keeps in place of each kind of state."""


def why_not_compiled(cache: Cache) -> str | None:
    """Return the name of a kind of state in a cache that no compiled step can keep."""
    kinds = [type(cache.new_attention()), *(type(layer.state) for layer in cache.layers)]
    return next((kind.__name__ for kind in kinds if kind not in COMPILED), None)


class CompiledCache(Cache):
    """A copy of ``cache`` for ``room`` positions, and ``context_room`` of cross-attention's.

    ``next``, the position of the next token, is a tensor that the compiled step reads and writes;
    the caller of the step calls `advance` after it. Layers run their ``forward``, not a decode
    step. ``limit`` is the model's maximum position count, learnt from `PositionSpan.exceeds`.
    """

    def __init__(self, cache: Cache, room: int, context_room: int) -> None:
        super().__init__()
        self.room = room
        self.context_room = context_room
        self.length = 0
        self.limit = room
        device = next(_tensors(cache)).device
        self.next = torch.zeros((), dtype=torch.long, device=device)
        self._states: list[CompiledState] = []
        for given in cache.layers:
            state = COMPILED[type(given.state)](given.state, room, self.next)
            layer = LayerCache(state)
            if given.cross_attn.tensors is not None:
                key, value = (_with_room(t, context_room) for t in given.cross_attn.tensors)
                layer.cross_attn.tensors = key, value
            self._states.append(state)
            self.layers.append(layer)

    def state_buffers(self) -> list[Tensor]:
        """Return the tensors that a step writes, layer by layer."""
        return [buffer for state in self._states for buffer in state.buffers]

    def context_buffers(self) -> list[Tensor]:
        """Return the keys and values of the context, which no step writes, layer by layer."""
        return [tensor for layer in self.layers for tensor in layer.cross_attn.tensors or ()]

    def over(
        self, start: Tensor, states: Sequence[Tensor], contexts: Sequence[Tensor]
    ) -> CompiledCache:
        """Return a cache of this form whose next position and buffers are these."""
        other = copy.copy(self)
        other.next, other.layers, other._states = start, [], []
        written, read = iter(states), iter(contexts)
        for state, layer in zip(self._states, self.layers, strict=True):
            other._states.append(state.over([next(written) for _ in state.buffers], start))
            other.layers.append(LayerCache(other._states[-1]))
            if layer.cross_attn.tensors is not None:
                other.layers[-1].cross_attn.tensors = next(read), next(read)
        return other

    def buffers(self) -> Iterator[Tensor]:
        """Return every tensor whose address never changes."""
        yield self.next
        for state, layer in zip(self._states, self.layers, strict=True):
            yield from state.buffers
            yield from layer.cross_attn.tensors or ()

    def takes(self, cache: Cache) -> bool:
        """Return whether `load` can copy a cache to here."""
        return len(self.layers) == len(cache.layers) and all(
            state.takes(other.state)
            and _likes(ours.cross_attn.tensors) == _likes(other.cross_attn.tensors)
            for state, ours, other in zip(self._states, self.layers, cache.layers, strict=True)
        )

    def load(self, cache: Cache) -> None:
        """Hold what another cache does."""
        for state, ours, other in zip(self._states, self.layers, cache.layers, strict=True):
            state.load(other.state)
            held = other.cross_attn.tensors or ()
            for buffer, tensor in zip(ours.cross_attn.tensors or (), held, strict=True):
                _fill(buffer, tensor)
        self.length = cache.get_seq_length()
        self.next.fill_(self.length)

    def store(self, cache: Cache) -> None:
        """Let another cache hold what this one does of the text."""
        for index, state in enumerate(self._states):
            state.store(cache.layer(index).state)

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


def _tensors(cache: Cache) -> Iterator[Tensor]:
    for layer in cache.layers:
        yield from layer.state.tensors or ()


def _likes(tensors: tuple[Tensor, ...] | None) -> list[tuple[Any, ...]]:
    """Return what keys and values must have in common with buffers for them."""
    return [(*t.shape[:2], t.shape[3], t.dtype, t.device) for t in tensors or ()]


def _fill(buffer: Tensor, held: Tensor) -> None:
    buffer[:, :, : held.shape[2]] = held
    buffer[:, :, held.shape[2] :] = 0  # hidden, and no NaN that would come through


def _with_room(tensor: Tensor, room: int) -> Tensor:
    rows, heads, _, size = tensor.shape
    return tensor.new_zeros(rows, heads, room, size)
