"""A cache that forgets all but the newest positions."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from automodel_core.layers.caches.base import Cache, SelfAttentionCache
from automodel_core.layers.caches.key_view import CAUSAL, KeyView, Mask

__all__ = ["SlidingWindowCache", "SlidingWindowSelfAttentionCache"]


class SlidingWindowSelfAttentionCache(SelfAttentionCache):
    """Keys and values of so many positions that a query sees ``window``, itself among them.

    ``length`` counts all positions that were ever seen. The buffers have twice the window's room,
    so that what is kept moves to their front only once in a window.
    """

    is_croppable: ClassVar[bool] = False

    def __init__(self, window: int) -> None:
        super().__init__()
        self.window = window
        self._start = self._end = 0

    def update(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        new = key.shape[2]
        kept = min(self._end - self._start, self.window - 1)
        if key.requires_grad or value.requires_grad:
            past = self._last(kept)
            if past is not None:
                key, value = torch.cat([past[0], key], dim=2), torch.cat([past[1], value], dim=2)
            self._key, self._value = key, value
            self._start, self._end = 0, key.shape[2]
        else:
            self._make_room(kept, key, value)
            end = self._end + new
            self._key[:, :, self._end : end] = key  # type: ignore[index]
            self._value[:, :, self._end : end] = value  # type: ignore[index]
            self._end = end
        self.length += new
        return self._last(kept + new)  # type: ignore[return-value]

    def _make_room(self, kept: int, key: Tensor, value: Tensor) -> None:
        needed = kept + key.shape[2]
        usual = 2 * self.window
        room = 0 if self._key is None else self._key.shape[2]
        if self._end + key.shape[2] <= room and (room == usual or needed > usual):
            return
        past = self._last(kept)
        if room != max(usual, needed):
            shape = (*key.shape[:2], max(usual, needed))
            self._key = key.new_empty(*shape, key.shape[3])
            self._value = value.new_empty(*shape, value.shape[3])
        if past is not None:
            self._key[:, :, :kept] = past[0].clone()  # type: ignore[index]
            self._value[:, :, :kept] = past[1].clone()  # type: ignore[index]
        self._start, self._end = 0, kept

    def _last(self, count: int) -> tuple[Tensor, Tensor] | None:
        if self._key is None or self._value is None:
            return None
        places = slice(self._end - count, self._end)
        return self._key[:, :, places], self._value[:, :, places]

    @property
    def tensors(self) -> tuple[Tensor, Tensor] | None:
        return self._last(min(self._end - self._start, self.window))

    def reorder(self, index: Tensor, since: int = 0) -> None:
        self.transform(lambda rows: rows.index_select(0, index))

    def fit(self, mask: Mask, queries: Tensor) -> Mask:
        seen, length = self.length, queries.shape[1]
        keys = min(seen, self.window - 1) + length
        if isinstance(mask, Tensor) and mask.shape[-1] > keys:
            mask = mask[..., -keys:]
        own = isinstance(mask, KeyView) and mask is not CAUSAL
        if own or length == 1 or seen + length <= self.window:
            return mask
        places = torch.arange(keys, device=queries.device)
        distance = places[-length:, None] - places
        hidden = (distance < 0) | (distance >= self.window)
        lowest = torch.finfo(queries.dtype).min
        if not isinstance(mask, Tensor):
            mask = torch.zeros_like(hidden[None, None], dtype=queries.dtype)
        return mask.masked_fill(hidden, lowest)

    def crop(self, length: int) -> None:
        removed = self.length - length
        if removed <= 0:
            return
        if self._end - removed - self._start < min(length, self.window - 1):
            raise ValueError(
                f"a cache of the last {self.window} positions cannot go back from {self.length} to "
                f"{length}: what came before is gone"
            )
        self._end, self.length = self._end - removed, length


class SlidingWindowCache(Cache):
    """A cache in which every position sees the ``sliding_window`` last ones, itself among them.

    The window may also stand in the config, or be given as ``max_cache_len``.
    """

    def __init__(
        self,
        config: Any = None,
        max_cache_len: int | None = None,
        *,
        sliding_window: int | None = None,
        decoding: bool = False,
        **_: Any,
    ) -> None:
        super().__init__(decoding=decoding)
        if sliding_window is None and config is not None:
            sliding_window = config.get("sliding_window")
        window = max_cache_len if sliding_window is None else sliding_window
        if window is None or window < 1:
            raise ValueError(
                f"SlidingWindowCache needs a sliding_window of at least 1 position, not {window}"
            )
        self.window = window

    @property
    def is_croppable(self) -> bool:
        return False

    def new_attention(self) -> SlidingWindowSelfAttentionCache:
        return SlidingWindowSelfAttentionCache(self.window)

    def get_max_cache_shape(self, layer_idx: int = 0) -> int:
        return self.window
