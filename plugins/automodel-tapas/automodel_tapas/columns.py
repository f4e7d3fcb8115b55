"""Ranks of the quantities in columns, and how they relate to those of a question."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from automodel_core.text import Table
from automodel_tapas.quantities import Date, Quantity, quantities

AGREEING = 0.7
"""The part of a column's cells that must hold quantities of one type."""
EQUAL, LESS, GREATER = 1, 2, 4

Column = Mapping[int, Quantity]
"""The quantity in each row of a column that has one."""
Cell = tuple[int, int]
"""Number of a column and of a row, both from 0."""


def columns_of(table: Table) -> list[Column]:
    """Return each column's quantities, all numbers or all dates; none where few cells agree."""
    cells = zip(*table.rows, strict=True) if table.rows else ((),) * len(table.columns)
    return [_agreed([_quantities(cell) for cell in column]) for column in cells]


@lru_cache(maxsize=4096)
def _quantities(text: str) -> tuple[Quantity, ...]:
    return tuple(quantities(text))


def _agreed(cells: list[tuple[Quantity, ...]]) -> Column:
    """Return the first quantity of each cell that is of the commonest type; dates win a tie."""
    counts = Counter(kind for cell in cells for kind in {isinstance(q, Date) for q in cell})
    most = max(counts.values(), default=0)
    if most == 0 or most < len(cells) * AGREEING:
        return {}
    kind = counts[True] == most
    found = (
        (row, [q for q in cell if isinstance(q, Date) is kind]) for row, cell in enumerate(cells)
    )
    return {row: first[0] for row, first in found if first}


def ranks(columns: Iterable[Column]) -> dict[Cell, tuple[int, int]]:
    """Return the rank, from 1, of each quantity among those of its column, and the inverse rank."""
    found = {}
    for number, column in enumerate(columns):
        key = _key(column.values())
        if key is None:
            continue
        keys = {row: key(quantity) for row, quantity in column.items()}
        order = {each: rank for rank, each in enumerate(sorted(set(keys.values())), 1)}
        for row, each in keys.items():
            found[number, row] = order[each], len(order) + 1 - order[each]
    return found


def relations(question: str, columns: Iterable[Column]) -> dict[Cell, int]:
    """Return for each cell how quantities of the question relate to its own: bits of a number."""
    asked, found = quantities(question), dict[Cell, int]()
    for number, column in enumerate(columns):
        for quantity in asked if column else ():
            key = _key([*column.values(), quantity])
            if key is None:
                continue
            mine = key(quantity)
            for row, other in column.items():
                theirs = key(other)
                bit = EQUAL if mine == theirs else LESS if mine < theirs else GREATER
                found[number, row] = found.get((number, row), 0) | bit
    return found


def _key(group: Iterable[Quantity]) -> Callable[[Quantity], Any] | None:
    """Return what quantities are compared by; ``None`` where they cannot be.

    Dates are compared by what is known of all of them.
    """
    group = list(group)
    dates = [quantity for quantity in group if isinstance(quantity, Date)]
    if not dates:
        return lambda quantity: quantity
    shared = [part for part in range(3) if all(date[part] is not None for date in dates)]
    if len(dates) < len(group) or not shared:
        return None
    return lambda date: tuple(date[part] for part in shared) if isinstance(date, Date) else None
