"""A cache that is kept on the CPU, for contexts that do not fit an accelerator's memory."""

from __future__ import annotations

from torch import Tensor

from automodel_core.layers.caches.base import Cache, SelfAttentionCache

__all__ = ["OffloadedCache", "OffloadedSelfAttentionCache"]


class OffloadedSelfAttentionCache(SelfAttentionCache):
    """Keys and values on the CPU, which visit the device of the newest ones when these come."""

    def update(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        device = key.device
        keys, values = super().update(key.cpu(), value.cpu())
        return keys.to(device), values.to(device)

    def reorder(self, index: Tensor, since: int = 0) -> None:
        super().reorder(index.cpu(), since)


class OffloadedCache(Cache):
    """A cache of which an accelerator holds one layer's part at a time."""

    def new_attention(self) -> OffloadedSelfAttentionCache:
        return OffloadedSelfAttentionCache()
