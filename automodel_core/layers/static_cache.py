"""A cache of a fixed size, allocated once."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from automodel_core.layers.cache import Cache, SelfAttentionCache

__all__ = ["StaticCache", "StaticSelfAttentionCache"]


class StaticSelfAttentionCache(SelfAttentionCache):
    """Keys and values in buffers for ``max_length`` positions.

    With ``fixed_shapes`` all of the buffer is returned, the unused end too, and positions are kept
    as a tensor, so that a step can be compiled or captured once for all lengths.
    """

    def __init__(self, max_length: int, *, fixed_shapes: bool = False) -> None:
        super().__init__()
        self.max_length = max_length
        self.fixed_shapes = fixed_shapes
        self._next: Tensor | None = None

    def update(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        if key.requires_grad or value.requires_grad:
            return self._concatenate(key, value)
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
        if not self.fixed_shapes:
            self._key[:, :, start:end] = key
            self._value[:, :, start:end] = value
            self.length = end
            return self._key[:, :, :end], self._value[:, :, :end]
        if self._next is None:
            self._next = torch.tensor(start, device=key.device)
        places = self._next + torch.arange(key.shape[2], device=key.device)
        self._key.index_copy_(2, places, key)
        self._value.index_copy_(2, places, value)
        self._next.add_(key.shape[2])
        self.length = end
        return self._key, self._value

    def _allocated(self, buffer: Tensor | None, like: Tensor) -> Tensor:
        batch, heads, _, size = like.shape
        whole = like.new_zeros(batch, heads, self.max_length, size)
        if buffer is not None:
            whole[:, :, : self.length] = buffer[:, :, : self.length]
        return whole

    def crop(self, length: int) -> None:
        super().crop(length)
        if self._next is not None:
            self._next.fill_(self.length)


class StaticCache(Cache):
    """A cache for ``max_cache_len`` positions, whose tensors never move.

    ``fixed_shapes`` is for compiled decoding; without it, attention reads only what is in use. What
    the cache sees for itself (a config, batch size, device) may be given, and is not needed.
    """

    def __init__(
        self,
        config: Any = None,
        max_cache_len: int | None = None,
        *,
        fixed_shapes: bool = False,
        decoding: bool = False,
        **_: Any,
    ) -> None:
        super().__init__(decoding=decoding)
        if max_cache_len is None:
            raise ValueError("StaticCache needs max_cache_len")
        self.max_cache_len = max_cache_len
        self.fixed_shapes = fixed_shapes

    def new_attention(self) -> StaticSelfAttentionCache:
        return StaticSelfAttentionCache(self.max_cache_len, fixed_shapes=self.fixed_shapes)

    def get_max_cache_shape(self, layer_idx: int = 0) -> int:
        return self.max_cache_len

    def fit(
        self, mask: Tensor | None, queries: Tensor, is_causal: bool
    ) -> tuple[Tensor | None, bool]:
        if not self.fixed_shapes or queries.requires_grad:
            return mask, is_causal
        seen, length = self.get_seq_length(), queries.shape[1]
        lowest = torch.finfo(queries.dtype).min
        if mask is not None and mask.shape[-1] > 1:
            return F.pad(mask, (0, self.max_cache_len - mask.shape[-1]), value=lowest), False
        positions = torch.arange(self.max_cache_len, device=queries.device)
        first = seen if is_causal else seen + length - 1
        last = torch.arange(first, seen + length, device=queries.device)[:, None]
        hidden = positions > last
        fitted = torch.zeros_like(hidden, dtype=queries.dtype).masked_fill_(hidden, lowest)
        return (fitted if mask is None else mask + fitted), False
