"""What a decoder keeps between steps.

Keys and values of self-attention grow with every token, in buffers that grow in blocks; those of
cross-attention are computed once a sequence. The modules beside this one keep them in other ways;
``names`` has the names that users know. A layer may keep another `LayerState`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from automodel_core.layers.caches.key_view import Mask
from automodel_core.layers.caches.position import PositionSpan
from automodel_core.layers.caches.state import LayerState
from automodel_core.layers.tracing import in_trace

__all__ = [
    "Cache",
    "CrossAttentionCache",
    "LayerCache",
    "SelfAttentionCache",
    "StatefulLayer",
    "register_cache",
    "span_of",
]

BLOCK = 128


class SelfAttentionCache:
    """Keys and values ``(batch, heads, length, head_dim)`` of one attention, written in place."""

    is_croppable: ClassVar[bool] = True

    def __init__(self) -> None:
        self.length = 0
        self._key: Tensor | None = None
        self._value: Tensor | None = None

    def update(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Append the keys and values of new positions and return those of all positions."""
        start, end = self.length, self.length + key.shape[2]
        if key.requires_grad or value.requires_grad or in_trace():
            return self.append(key, value)
        if self._key is None or self._value is None or end > self._key.shape[2]:
            self._key = _enlarged(self._key, start, end, key)
            self._value = _enlarged(self._value, start, end, value)
        self._key[:, :, start:end] = key
        self._value[:, :, start:end] = value
        self.length = end
        return self._key[:, :, :end], self._value[:, :, :end]

    def query_positions(self, length: int) -> Tensor | None:
        """Return the positions of new tokens, ``None`` if these are the last of the keys'."""
        return None

    def fit(self, mask: Mask, queries: Tensor) -> Mask:
        """Return a mask over all positions as one over those that `update` will return."""
        return mask

    def append(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Do what `update` does, without writing in place or ahead.

        Gradients flow through earlier positions, and no size of a buffer enters a trace.
        """
        past = self.tensors
        if past is not None:
            key, value = torch.cat([past[0], key], dim=2), torch.cat([past[1], value], dim=2)
        self.hold(key, value)
        return key, value

    def hold(self, key: Tensor, value: Tensor) -> None:
        """Let these be the keys and values of all positions."""
        self._key, self._value, self.length = key, value, key.shape[2]

    @property
    def tensors(self) -> tuple[Tensor, Tensor] | None:
        if self._key is None or self._value is None:
            return None
        return self._key[:, :, : self.length], self._value[:, :, : self.length]

    def transform(self, function: Callable[[Tensor], Tensor]) -> None:
        """Replace both buffers by what ``function`` makes of their batch dimension."""
        if self._key is not None and self._value is not None:
            self._key, self._value = function(self._key), function(self._value)

    def reorder(self, index: Tensor, since: int = 0) -> None:
        """Keep the rows that ``index`` names; positions in use move from ``since`` on."""
        if self._key is None or self._value is None:
            return
        for buffer in (self._key, self._value):
            used = buffer[:, :, since : self.length]
            if len(index) == len(buffer):
                used.copy_(used.index_select(0, index))
            else:
                self.transform(lambda rows: rows.index_select(0, index))
                return

    def crop(self, length: int) -> None:
        self.length = min(self.length, length)


class CrossAttentionCache:
    """Keys and values of the encoder's output for one attention, computed by the first step."""

    def __init__(self) -> None:
        self.tensors: tuple[Tensor, Tensor] | None = None

    def by_head(self, *, by_feature: bool = False) -> tuple[Tensor, Tensor]:
        """Return keys and values that were computed, each head's together in memory from now on.

        Every step reads all of them, and a projection leaves the heads of a position side by side.
        With ``by_feature`` the values of each feature of a head lie together, too.
        """
        if self.tensors is None:
            raise ValueError("nothing was computed of the context yet")
        key, value = self.tensors
        laid = value.transpose(-1, -2) if by_feature else value
        if not (key.is_contiguous() and laid.is_contiguous()):
            laid = laid.contiguous()
            self.tensors = key.contiguous(), laid.transpose(-1, -2) if by_feature else laid
        return self.tensors

    def reorder(self, index: Tensor) -> None:
        """Keep the rows that ``index`` names, unless rows of the decoder share one of these."""
        if self.tensors is not None and len(self.tensors[0]) == len(index):
            self.transform(lambda rows: rows.index_select(0, index))

    def transform(self, function: Callable[[Tensor], Tensor]) -> None:
        if self.tensors is not None:
            self.tensors = function(self.tensors[0]), function(self.tensors[1])


class LayerCache:
    """What one decoder layer keeps: a ``state`` of its own sequence, and keys of a context."""

    def __init__(self, state: LayerState) -> None:
        self.state = state
        self.cross_attn = CrossAttentionCache()

    @property
    def keys(self) -> Tensor | None:
        return self._keys_and_values[0]

    @property
    def values(self) -> Tensor | None:
        return self._keys_and_values[1]

    @property
    def _keys_and_values(self) -> tuple[Tensor | None, Tensor | None]:
        state = self.state
        if not isinstance(state, SelfAttentionCache) or state.tensors is None:
            return None, None
        return state.tensors


class StatefulLayer(Protocol):
    """A layer that says what it keeps of its sequence."""

    def new_state(self, cache: Cache) -> LayerState:
        """Return an empty state; that of attention is ``cache.new_attention()``."""


class Cache:
    """What a decoder keeps between steps (``past_key_values``), layer by layer.

    ``decoding=True`` says that only new tokens will be fed, without gradients, by a decoding loop:
    layers then run their decode steps. The kinds of caches differ in `new_attention`, in how they
    keep keys and values; a layer without attention has a state of its own in any of them.
    """

    def __init__(self, *, decoding: bool = False) -> None:
        self.decoding = decoding
        self.layers: list[LayerCache] = []
        self.memo: dict[Hashable, Any] = {}
        """What a model wants to compute once a sequence, as position biases or prepared layers."""

    def layer(self, index: int) -> LayerCache:
        """Return a layer's part; layers that are not there yet keep keys and values."""
        while len(self.layers) <= index:
            self.layers.append(LayerCache(self.new_attention()))
        return self.layers[index]

    def add_layers(self, layers: Sequence[StatefulLayer]) -> None:
        """Let each of a decoder's layers that has no part here have an empty one."""
        for index in range(len(self.layers), len(layers)):
            self.layers.append(LayerCache(layers[index].new_state(self)))

    def new_attention(self) -> SelfAttentionCache:
        """Return empty keys and values, of the kind that this cache keeps."""
        return SelfAttentionCache()

    @property
    def is_croppable(self) -> bool:
        """Whether `crop` can take back any positions."""
        return all(layer.state.is_croppable for layer in self.layers)

    @property
    def has_keys(self) -> bool:
        """Whether a layer keeps keys and values of its own sequence."""
        return any(isinstance(layer.state, SelfAttentionCache) for layer in self.layers)

    @property
    def context_length(self) -> int:
        """How many positions of a context cross-attention has read; 0 if there is none."""
        found = (layer.cross_attn.tensors for layer in self.layers)
        return next((tensors[0].shape[2] for tensors in found if tensors is not None), 0)

    @property
    def devices(self) -> set[torch.device]:
        """The devices that layers keep their states on."""
        found = (layer.state.tensors for layer in self.layers)
        return {tensor.device for tensors in found for tensor in tensors or ()}

    def update(
        self, key: Tensor, value: Tensor, layer_idx: int, cache_kwargs: Any = None
    ) -> tuple[Tensor, Tensor]:
        """Append keys and values of new positions to a layer and return those of all positions."""
        state = self.layer(layer_idx).state
        if not isinstance(state, SelfAttentionCache):
            raise TypeError(f"layer {layer_idx} keeps a {type(state).__name__}, no keys and values")
        return state.update(key, value)

    def span(self, length: int, device: torch.device) -> PositionSpan:
        """Return the positions of the next ``length`` tokens."""
        return PositionSpan(self.get_seq_length(), length, device)

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Return how many positions the decoder has seen."""
        return self.layers[layer_idx].state.length if layer_idx < len(self.layers) else 0

    def get_max_cache_shape(self, layer_idx: int = 0) -> int:
        """Return for how many positions there is room; -1 if there is no limit."""
        return -1

    def crop(self, length: int) -> None:
        """Forget the positions from ``length`` on; a negative length counts from the end."""
        if length < 0:
            length = max(0, self.get_seq_length() + length)
        for layer in self.layers:
            layer.state.crop(length)

    def reorder(self, index: Tensor, since: int = 0) -> None:
        """Let row ``i`` continue what row ``index[i]`` was, as beam search needs.

        With ``since`` both rows hold the same before that position, and the same context: beams
        that part late have little to move. Beams of one input may share their encoder's output;
        cross-attention then stays as it is.
        """
        for layer in self.layers:
            layer.state.reorder(index, since)
            if since == 0:
                layer.cross_attn.reorder(index)

    reorder_cache = reorder

    def repeat_interleave(self, repeats: int, *, context: bool = True) -> None:
        """Repeat each row, as several sequences of one prompt need.

        With ``context=False`` cross-attention stays as it is: rows may share their context.
        """
        self._transform(lambda rows: rows.repeat_interleave(repeats, dim=0), context)

    batch_repeat_interleave = repeat_interleave

    def select(self, index: Tensor, *, context: bool = True) -> None:
        """Keep only the rows that ``index`` names, of cross-attention too unless rows share it."""
        self._transform(lambda rows: rows.index_select(0, index.to(rows.device)), context)

    batch_select_indices = select

    def reset(self) -> None:
        self.layers.clear()
        self.memo.clear()

    def _transform(self, function: Callable[[Tensor], Tensor], context: bool) -> None:
        for layer in self.layers:
            layer.state.transform(function)
            if context:
                layer.cross_attn.transform(function)

    def to_legacy_cache(self) -> tuple[tuple[Tensor, ...], ...]:
        """Return a tuple of each layer's tensors: its state's, then cross-attention's if any."""
        return tuple(self)

    @classmethod
    def from_legacy_cache(cls, past_key_values: Any = None) -> Any:
        """Return a cache of the keys and values in such tuples, each with four dimensions."""
        cache = cls()
        layers: Sequence[Any] = past_key_values or ()
        for index, tensors in enumerate(layers):
            if len(tensors) < 2 or any(tensor.dim() != 4 for tensor in tensors[:2]):
                raise ValueError(
                    f"layer {index} of the legacy cache holds no keys and values (batch, heads, "
                    "length, head_dim): give the Cache that a forward returned instead"
                )
            cache.update(tensors[0], tensors[1], index)
            if len(tensors) > 2:
                cache.layer(index).cross_attn.tensors = tuple(tensors[2:])
        return cache

    @classmethod
    def of(cls, past_key_values: Any) -> Any:
        """Return a cache with the keys and values of self-attention in another library's cache.

        Tuples of tensors are taken as `from_legacy_cache` does; context is computed anew.
        """
        if isinstance(past_key_values, tuple | list):
            return cls.from_legacy_cache(past_key_values)
        own = getattr(past_key_values, "self_attention_cache", past_key_values)
        return cls.from_legacy_cache([tuple(tensors)[:2] for tensors in own])

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} layers, {self.get_seq_length()} positions)"

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what a model keeps here for itself: a copy is of keys and values alone."""
        return {**vars(self), "memo": {}}

    def __len__(self) -> int:
        return len(self.layers)

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        """Return the tensors of a layer's state, then the keys and values of its context."""
        layer = self.layers[index]
        return (*(layer.state.tensors or ()), *(layer.cross_attn.tensors or ()))


def register_cache(kind: type[Cache]) -> None:
    """Make a kind of cache, which is made without arguments, a node of torch's pytrees.

    Its leaves are the tensors of each layer. A cache of other states than keys and values that
    grow has none: it is passed on as it is.
    """
    pytree.register_pytree_node(
        kind,
        _flatten,
        partial(_unflatten, kind),
        serialized_type_name=f"{kind.__module__}.{kind.__qualname__}",
        flatten_with_keys_fn=_flatten_with_keys,
    )


def _flatten(cache: Cache) -> tuple[list[Any], Any]:
    if any(type(layer.state) is not SelfAttentionCache for layer in cache.layers):
        return [], cache
    return list(cache), [len(layer.state.tensors or ()) for layer in cache.layers]


def _flatten_with_keys(cache: Cache) -> tuple[list[Any], Any]:
    children, context = _flatten(cache)
    return [(pytree.SequenceKey(index), child) for index, child in enumerate(children)], context


def _unflatten(kind: type[Cache], children: Iterable[Any], context: Any) -> Cache:
    """Return a cache of what may be no tensors, but what a function made of these."""
    if isinstance(context, Cache):
        return context
    cache = kind()
    for index, (tensors, own) in enumerate(zip(children, context, strict=True)):
        layer = cache.layer(index)
        if own and isinstance(layer.state, SelfAttentionCache):
            layer.state.hold(*tensors[:own])
        layer.cross_attn.tensors = tuple(tensors[own:]) or None
    return cache


register_cache(Cache)


def span_of(cache: Cache | None, states: Tensor) -> PositionSpan:
    """Return the positions of ``states`` (batch, length, ...), which are about to be fed."""
    length, device = states.shape[1], states.device
    return PositionSpan(0, length, device) if cache is None else cache.span(length, device)


def _enlarged(buffer: Tensor | None, used: int, needed: int, like: Tensor) -> Tensor:
    """Return a buffer with room for ``needed`` positions and ahead, holding the ``used`` ones."""
    batch, heads, _, head_dim = like.shape
    room = max(needed, 2 * used)
    room += -room % BLOCK
    larger = like.new_empty(batch, heads, room, head_dim)
    if buffer is not None:
        larger[:, :, :used] = buffer[:, :, :used]
    return larger
