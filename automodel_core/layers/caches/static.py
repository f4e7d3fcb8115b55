"""A cache of a fixed size, allocated once."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from automodel_core.layers.caches.base import Cache, SelfAttentionCache

__all__ = ["StaticCache", "StaticSelfAttentionCache"]


class StaticSelfAttentionCache(SelfAttentionCache):
    """Keys and values in buffers for ``max_length`` positions."""

    def __init__(self, max_length: int) -> None:
        super().__init__()
        self.max_length = max_length

    def update(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        if key.requires_grad or value.requires_grad:
            return self.append(key, value)
        start, end = self.length, self.length + key.shape[2]
        if end > self.max_length:
            raise ValueError(
                f"the cache has room for {self.max_length} positions, and {end} are needed: make "
                "it with a larger max_cache_len"
            )
        if self._key is None or self._value is None or self._key.shape[2] < self.max_length:
            self._key, self._value = (
                self._allocated(self._key, key),
                self._allocated(self._value, value),
            )
        self._key[:, :, start:end] = key
        self._value[:, :, start:end] = value
        self.length = end
        return self._key[:, :, :end], self._value[:, :, :end]

    def _allocated(self, buffer: Tensor | None, like: Tensor) -> Tensor:
        batch, heads, _, size = like.shape
        whole = like.new_zeros(batch, heads, self.max_length, size)
        if buffer is not None:
            whole[:, :, : self.length] = buffer[:, :, : self.length]
        return whole


class StaticCache(Cache):
    """A cache for ``max_cache_len`` positions, whose tensors never move.

    Attention reads only the positions in use; compiled decoding has a `CompiledCache` of its own. A
    config, batch size, dtype and device are accepted and not needed: the first keys show them.
    """

    def __init__(
        self,
        config: Any = None,
        max_cache_len: int | None = None,
        *,
        decoding: bool = False,
        **_: Any,
    ) -> None:
        super().__init__(decoding=decoding)
        if max_cache_len is None:
            raise ValueError("StaticCache needs max_cache_len")
        self.max_cache_len = max_cache_len

    def new_attention(self) -> StaticSelfAttentionCache:
        return StaticSelfAttentionCache(self.max_cache_len)

    def get_max_cache_shape(self, layer_idx: int = 0) -> int:
        return self.max_cache_len
