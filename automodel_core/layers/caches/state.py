"""What a layer keeps of the positions that it has seen, of any kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from automodel_core.layers.caches.key_view import Mask

__all__ = ["LayerState", "RecurrentState"]


class LayerState(Protocol):
    """What a layer keeps of its own sequence: keys and values, or a recurrent state.

    ``tensors`` have a row for each sequence, and are ``None`` until the first position is seen.
    """

    length: int
    """How many positions were seen."""

    is_croppable: ClassVar[bool]
    """Whether `crop` can forget any positions."""

    @property
    def tensors(self) -> tuple[Tensor, ...] | None: ...

    def fit(self, mask: Mask, queries: Tensor) -> Mask:
        """Return a mask over all positions as one over those that the layer will read.

        ``queries`` (batch, length, size) are about to be fed.
        """

    def transform(self, function: Callable[[Tensor], Tensor]) -> None:
        """Replace each tensor by what ``function`` makes of its batch dimension."""

    def reorder(self, index: Tensor, since: int = 0) -> None:
        """Let row ``i`` be what row ``index[i]`` was; before ``since`` both saw the same."""

    def crop(self, length: int) -> None:
        """Forget the positions from ``length`` on; raise ``ValueError`` if that is impossible."""


class RecurrentState:
    """Tensors ``(batch, ...)`` of fixed sizes that summarise all positions seen.

    They are replaced at every step, so that none can be taken back.
    """

    is_croppable: ClassVar[bool] = False

    def __init__(self) -> None:
        self.length = 0
        self.tensors: tuple[Tensor, ...] | None = None

    def update(self, tensors: tuple[Tensor, ...], new: int) -> None:
        """Keep the tensors after ``new`` more positions."""
        self.tensors = tensors
        self.length += new

    def fit(self, mask: Mask, queries: Tensor) -> Mask:
        return mask

    def transform(self, function: Callable[[Tensor], Tensor]) -> None:
        if self.tensors is not None:
            self.tensors = tuple(function(tensor) for tensor in self.tensors)

    def reorder(self, index: Tensor, since: int = 0) -> None:
        self.transform(lambda rows: torch.index_select(rows, 0, index))

    def crop(self, length: int) -> None:
        if length < self.length:
            raise ValueError(
                f"a recurrent state cannot go back from {self.length} to {length} positions: it "
                "summarises all of them"
            )
