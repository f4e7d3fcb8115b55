"""Caches by the names that users of transformers know, and by ``cache_implementation``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from automodel_core.layers.caches.base import Cache, SelfAttentionCache, register_cache
from automodel_core.layers.caches.offloaded import OffloadedCache, OffloadedSelfAttentionCache
from automodel_core.layers.caches.position import PositionSpan
from automodel_core.layers.caches.quantized import QuantizedCache
from automodel_core.layers.caches.sliding_window import SlidingWindowCache
from automodel_core.layers.caches.static import StaticCache

__all__ = ["CACHES", "OTHER_NAMES", "DynamicCache", "EncoderDecoderCache"]


class DynamicCache(Cache):
    """A cache that grows; it may begin with the keys and values of each layer."""

    def __init__(
        self,
        tensors: Iterable[tuple[Tensor, ...]] | None = None,
        config: Any = None,
        offloading: bool = False,
        **_: Any,
    ) -> None:
        super().__init__()
        self._kind = OffloadedSelfAttentionCache if offloading else SelfAttentionCache
        for index, (key, value) in enumerate(tensors or ()):
            self.update(key, value, index)

    def new_attention(self) -> SelfAttentionCache:
        return self._kind()


class EncoderDecoderCache(Cache):
    """A cache of any kind for a decoder's own positions, and one for its encoder's.

    Both kinds of attention of a layer are kept together; `self_attention_cache` and
    `cross_attention_cache` show one of them.
    """

    def __init__(
        self, self_attention_cache: Cache | None = None, cross_attention_cache: Cache | None = None
    ) -> None:
        own = Cache() if self_attention_cache is None else self_attention_cache
        super().__init__(decoding=own.decoding)
        self._own = own
        self.layers = own.layers
        for index, layer in enumerate(
            cross_attention_cache.layers if cross_attention_cache else ()
        ):
            keys, values = layer.keys, layer.values
            if keys is not None and values is not None:
                self.layer(index).cross_attn.tensors = keys, values

    def new_attention(self) -> SelfAttentionCache:
        return self._own.new_attention()

    def span(self, length: int, device: torch.device) -> PositionSpan:
        return self._own.span(length, device)

    def get_max_cache_shape(self, layer_idx: int = 0) -> int:
        return self._own.get_max_cache_shape(layer_idx)

    @property
    def is_croppable(self) -> bool:
        return self._own.is_croppable

    @property
    def self_attention_cache(self) -> Cache:
        return self._own

    @property
    def cross_attention_cache(self) -> DynamicCache:
        tensors = (layer.cross_attn.tensors for layer in self.layers)
        return DynamicCache([pair for pair in tensors if pair is not None])

    @property
    def is_updated(self) -> dict[int, bool]:
        """Which layers hold the encoder's keys and values already."""
        return {i: layer.cross_attn.tensors is not None for i, layer in enumerate(self.layers)}


register_cache(DynamicCache)
register_cache(EncoderDecoderCache)

CACHES: Mapping[str, Callable[..., Cache]] = {
    "dynamic": Cache,
    "offloaded": OffloadedCache,
    "quantized": QuantizedCache,
    "sliding_window": SlidingWindowCache,
    "static": StaticCache,
}
"""The kinds of caches by their ``cache_implementation``."""

OTHER_NAMES = {
    "dynamic_full": "dynamic",
    "hybrid": "static",
    "hybrid_chunked": "static",
    "offloaded_hybrid": "offloaded",
    "offloaded_hybrid_chunked": "offloaded",
    "offloaded_static": "offloaded",
}
"""Names that mean one of `CACHES` where no layer has a window of its own."""
