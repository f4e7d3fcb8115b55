"""Weights that stay on disk, and are read whenever they are needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import torch

__all__ = ["StoredWeights"]

Read = Callable[[], torch.Tensor]


class StoredWeights(Mapping[str, torch.Tensor]):
    """A mapping from module names to weights, which reads one each time that it is asked for it."""

    def __init__(self) -> None:
        self._reads: dict[str, Read] = {}

    def update(self, reads: Mapping[str, Read]) -> None:
        """Add weights by the functions that read them."""
        self._reads.update(reads)

    def keep(self, name: str, weight: torch.Tensor) -> None:
        """Add a weight that no file holds; it stays in memory."""
        self._reads[name] = lambda: weight

    def remove(self, name: str) -> None:
        """Forget a weight."""
        del self._reads[name]

    def __getitem__(self, name: str) -> torch.Tensor:
        return self._reads[name]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._reads)

    def __len__(self) -> int:
        return len(self._reads)
