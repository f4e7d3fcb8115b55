"""Which chunks make a batch: those of like length, so that padding costs almost nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Bounds", "batches_by_length"]

MOST_PADDING = 0.05
"""The share of a full batch that may be padding before a new batch begins."""


@dataclass(frozen=True)
class Bounds:
    """What a batch may hold: rows, and tokens with their padding; ``None`` is no bound."""

    rows: int | None
    tokens: int | None

    def allow(self, rows: int, longest: int) -> bool:
        within_rows = self.rows is None or rows <= self.rows
        return rows == 1 or (within_rows and (self.tokens is None or rows * longest <= self.tokens))


def batches_by_length(
    lengths: Sequence[int], forms: Sequence[Any], bounds: Bounds
) -> Iterator[list[int]]:
    """Yield batches as lists of positions: of one form, the longest first.

    Where tokens are bounded, a batch that is half full ends before its padding becomes more than a
    twentieth of it.
    """
    by_form: dict[Any, list[int]] = {}
    for position, form in enumerate(forms):
        by_form.setdefault(form, []).append(position)
    for positions in by_form.values():
        positions.sort(key=lambda position: -lengths[position])
        batch: list[int] = []
        used = 0
        for position in positions:
            longest = lengths[batch[0]] if batch else lengths[position]
            whole = (len(batch) + 1) * longest
            wasted = whole - used - lengths[position]
            half = bounds.tokens is not None and len(batch) * longest * 2 >= bounds.tokens
            if batch and (
                not bounds.allow(len(batch) + 1, longest)
                or (half and wasted > MOST_PADDING * whole)
            ):
                yield batch
                batch, used = [], 0
            batch.append(position)
            used += lengths[position]
        if batch:
            yield batch
