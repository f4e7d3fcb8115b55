"""The positions of new tokens.

What changes from step to step must not be a Python number in a compiled step, or each length would
be compiled anew. So a model asks a span, not its cache, for positions and for rows of tables.
"""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from automodel_core.layers.tracing import holds, in_trace

__all__ = ["PositionSpan"]


class PositionSpan:
    """``length`` new tokens, behind ``past`` positions that a cache holds."""

    is_compiled: ClassVar[bool] = False
    """Whether the numbers here are constants of a compiled step; what changes is in tensors."""

    def __init__(self, past: int, length: int, device: torch.device | None = None) -> None:
        self.past = past
        self.length = length
        self.device = device

    @property
    def begins(self) -> bool:
        """Whether there is nothing before."""
        return holds(self.past == 0)

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
        """Return whether there are more positions than ``limit``, as far as a trace can tell."""
        return holds(self.end > limit)

    def rows_of(self, table: Tensor, unused: int = 0) -> Tensor:
        """Return the tokens' rows of a table of positions, which begins with ``unused`` ones.

        Raises ``ValueError`` if the table is shorter.
        """
        count = table.shape[0] - unused
        if self.exceeds(count):
            raise ValueError(
                f"{self.end} positions are more than the {count} that the model has "
                "(max_position_embeddings)"
            )
        if self.is_compiled or in_trace():
            # A look-up, unlike a slice, leaves it open how many rows there are.
            return F.embedding(self.positions + unused, table)
        return table[unused + self.past : unused + self.end]
