"""Tokens of a table, and the cells that they are in."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

HIDDEN = -10000.0
"""The logit of what cannot be selected."""


@dataclass(frozen=True)
class Cells:
    """Which of ``rows * columns`` cells each of ``(batch, length)`` tokens is in.

    Row 0 are the names of columns, column 0 is the question. Values per cell are ``(batch, rows,
    columns)``, and 0 where no token is.
    """

    index: Tensor
    rows: int
    columns: int

    @classmethod
    def of(cls, token_types: Tensor, rows: int, columns: int) -> Cells:
        """Return the cells that types ``(batch, length, kinds)`` say; the last holds all beyond."""
        column, row = token_types[..., 1], token_types[..., 2]
        return cls(row.clamp(max=rows - 1) * columns + column.clamp(max=columns - 1), rows, columns)

    def total(self, values: Tensor) -> Tensor:
        """Add up values ``(batch, length)`` of tokens."""
        added = self._nothing(values).scatter_add(1, self.index, values)
        return added.view(-1, self.rows, self.columns)

    def mean(self, values: Tensor) -> Tensor:
        """Return the mean of values ``(batch, length)`` of tokens."""
        return self.total(values) / self.total(torch.ones_like(values)).clamp(min=1)

    def largest(self, values: Tensor) -> Tensor:
        """Return the largest of values ``(batch, length)``, none of them below 0, of tokens."""
        nothing = self._nothing(values)
        largest = nothing.scatter_reduce(1, self.index, values, "amax")
        return largest.view(-1, self.rows, self.columns)

    def spread(self, per_cell: Tensor) -> Tensor:
        """Return ``(batch, length)``: for each token the value of its cell."""
        return per_cell.flatten(1).gather(1, self.index)

    def in_column(self, column: Tensor) -> Tensor:
        """Return ``(batch, 1, columns)``: 1 for the column ``(batch,)``, 0 for others."""
        every = torch.arange(self.columns, device=column.device)
        return (every == column[:, None]).float()[:, None]

    def _nothing(self, values: Tensor) -> Tensor:
        return values.new_zeros(values.shape[0], self.rows * self.columns)


def column_logits(scores: Tensor, cells: Cells, shown: Tensor, *, may_be_empty: bool) -> Tensor:
    """Return a logit ``(batch, columns)`` for each column, the mean of those of its cells.

    ``scores`` are ``(batch, length)``, and ``shown`` is how much of each cell is no padding.
    Columns without cells are out of reach, and so is column 0 unless it ``may_be_empty``: it
    stands for selecting none.
    """
    count = shown.sum(1)
    logits = (cells.mean(scores) * shown).sum(1) / (count + 1e-10)
    is_first = torch.arange(cells.columns, device=count.device) == 0
    hidden = ((count < 0.5) & ~is_first).to(logits.dtype)
    if not may_be_empty:
        hidden = hidden + is_first.to(logits.dtype)
    return logits + HIDDEN * hidden


def in_one_column(logits: Tensor, columns: Tensor, cells: Cells, shown: Tensor) -> Tensor:
    """Return logits per cell that only those of the best column keep."""
    best = columns.argmax(-1)
    selected = cells.in_column(best) * (best > 0).float()[:, None, None]
    return logits + HIDDEN * (1.0 - shown * selected)


def places_in_cells(token_types: Tensor, columns: int, rows: int) -> Tensor:
    """Return ``(batch, length)``: how many tokens there are from the first of a cell to each."""
    index = token_types[..., 1] * rows + token_types[..., 2]
    places = torch.arange(index.shape[1], device=index.device).expand_as(index)
    last = places.new_full((index.shape[0], columns * rows), index.shape[1])
    first = last.scatter_reduce(1, index, places, "amin")
    return places - first.gather(1, index)
