"""Where new tokens stand in a text.

What changes from step to step must not be a Python number in a compiled step, or each length would
be compiled anew. So a model asks a span, not its cache, for positions and for rows of tables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

if TYPE_CHECKING:
    from automodel_core.layers.caches.base import Cache
    from automodel_core.layers.caches.compiled import FixedCache

__all__ = ["FixedSpan", "Span"]


class Span:
    """``length`` new tokens, behind ``past`` positions that a cache holds."""

    is_fixed: ClassVar[bool] = False
    """Whether the numbers here are the same at every step, but for those in tensors."""

    def __init__(self, past: int, length: int, device: torch.device | None = None) -> None:
        self.past = past
        self.length = length
        self.device = device

    @staticmethod
    def of(cache: Cache | None, states: Tensor) -> Span:
        """Return where ``states`` (batch, length, size) stand, which are about to be fed."""
        length, device = states.shape[1], states.device
        return Span(0, length, device) if cache is None else cache.span(length, device)

    @property
    def begins(self) -> bool:
        """Whether there is nothing before."""
        return self.past == 0

    @property
    def end(self) -> int:
        """How many positions there are with the new ones."""
        return self.past + self.length

    @property
    def keys(self) -> int:
        """How many keys attention will read, the new tokens' among them."""
        return self.end

    @property
    def first(self) -> int | Tensor:
        """The position of the first new token."""
        return self.past

    @property
    def positions(self) -> Tensor:
        """The positions ``(length,)`` of the new tokens."""
        return torch.arange(self.past, self.end, device=self.device)

    def exceeds(self, limit: int) -> bool:
        """Return whether there are more positions than ``limit``."""
        return self.end > limit

    def rows_of(self, table: Tensor, unused: int = 0) -> Tensor:
        """Return the tokens' rows of a table of positions, which begins with ``unused`` ones.

        Raises ``ValueError`` if the table is shorter.
        """
        if self.exceeds(len(table) - unused):
            raise ValueError(
                f"{self.end} positions are more than the {len(table) - unused} that the model has "
                "(max_position_embeddings)"
            )
        return self._rows_of(table, unused)

    def _rows_of(self, table: Tensor, unused: int) -> Tensor:
        return table[unused + self.past : unused + self.end]


class FixedSpan(Span):
    """New tokens behind those of a cache of fixed shapes, which knows their place as a tensor.

    A compiled step cannot look whether there are positions enough. What runs before it is compiled
    tells the cache the limit.
    """

    is_fixed = True

    def __init__(self, cache: FixedCache, length: int) -> None:
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
