"""The token ids of a batch while they grow."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["TokenBuffer"]

BLOCK = 1024


class TokenBuffer:
    """Token ids (rows, length) written in place into room that doubles when it is used up."""

    def __init__(self, prompt: Tensor, max_length: int, fill: int = 0) -> None:
        rows, self.length = prompt.shape
        room = max(min(max_length, self.length + BLOCK), self.length + 1)
        self._fill = fill
        self._ids = prompt.new_full((rows, room), fill, dtype=torch.long)
        self._ids[:, : self.length] = prompt

    @property
    def ids(self) -> Tensor:
        return self._ids[:, : self.length]

    def append(self, tokens: Tensor) -> None:
        """Add one token to each row."""
        if self.length == self._ids.shape[1]:
            more = torch.full_like(self._ids, self._fill)
            self._ids = torch.cat([self._ids, more], dim=1)
        self._ids[:, self.length] = tokens
        self.length += 1
