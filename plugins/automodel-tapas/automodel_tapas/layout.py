"""The tokens of a table, row by row, and which of them fit beside a question."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from automodel_core.errors import TokenizationError, shown
from automodel_core.text import Table

Pieces = tuple[list[int], list[str]]
"""The ids and the texts of the tokens of a text."""


class TapasTruncationStrategy(str, Enum):
    """Values of ``truncation``."""

    DROP_ROWS_TO_FIT = "drop_rows_to_fit"
    DO_NOT_TRUNCATE = "do_not_truncate"

    @classmethod
    def of(cls, truncation: bool | str | Enum | None) -> TapasTruncationStrategy:
        """Return the strategy that an argument means; raise `TokenizationError` if none does."""
        if truncation is None or isinstance(truncation, bool):
            return cls.DROP_ROWS_TO_FIT if truncation else cls.DO_NOT_TRUNCATE
        try:
            return cls(truncation.value if isinstance(truncation, Enum) else truncation)
        except ValueError:
            raise TokenizationError(
                f"truncation={shown(truncation)}: of a table, rows are dropped by True or "
                "'drop_rows_to_fit', and none by False or 'do_not_truncate'"
            ) from None


class TableToken(NamedTuple):
    """A token: its column and its row, from 1 (row 0 has the names), and where its word begins.

    ``begin`` counts the tokens of the cell.
    """

    id: int
    column: int
    row: int
    begin: int

    @property
    def cell(self) -> tuple[int, int]:
        """The column and the row, both from 0; row -1 has the names."""
        return self.column - 1, self.row - 1


@dataclass(frozen=True)
class Limits:
    """How much of a table is read: less than so many columns and rows, and tokens a cell.

    ``trimmed`` tokens of each cell are kept where rows are dropped; below 0, as many as fit.
    """

    columns: int
    rows: int
    trimmed: int = -1


@dataclass(frozen=True)
class Layout:
    """A table's tokens."""

    tokens: tuple[TableToken, ...]
    columns: int
    rows: int

    @classmethod
    def of(cls, table: Table, pieces: Callable[[list[str]], list[Pieces]], names: bool) -> Layout:
        """Return the tokens of a table, by what makes ``pieces`` of texts; ``names`` of columns."""
        header = table.columns if names else ("",) * len(table.columns)
        rows = [header, *table.rows]
        found = iter(pieces([cell for row in rows for cell in row]))
        tokens = []
        for number, row in enumerate(rows):
            for column in range(1, len(row) + 1):
                begin = 0
                for place, (index, text) in enumerate(zip(*next(found), strict=True)):
                    begin = begin if text.startswith("##") else place
                    tokens.append(TableToken(index, column, number, begin))
        return cls(tuple(tokens), len(table.columns), len(table.rows))

    def fitting(self, limits: Limits, room: int | None) -> Sequence[TableToken]:
        """Return the tokens that are read; with ``room``, rows are dropped until so many are left.

        Of the rows that stay, cells are trimmed first. Raises `TokenizationError` for too many
        columns, and for too many rows that must all stay.
        """
        if self.columns >= limits.columns:
            raise TokenizationError(
                f"the table has {self.columns} columns, and max_column_id={limits.columns} is one "
                "more than are read"
            )
        if room is None and self.rows >= limits.rows:
            raise TokenizationError(
                f"the table has {self.rows} rows, and max_row_id={limits.rows} is one more than "
                "are read: truncation=True drops rows"
            )
        if room is None:
            return self.tokens
        rows = min(self.rows, limits.rows - 1)
        longest = self._longest()
        for last in range(rows, min(rows, 1) - 1, -1):
            kept = [token for token in self.tokens if token.row <= last]
            length = _trimmed([token.begin for token in kept], longest, limits.trimmed, room)
            if length is not None:
                return [token for token in kept if token.begin < (length or 1)]
        return [token for token in self.tokens if token.row < 1 and token.begin < 1]

    def _longest(self) -> int:
        """Return how many tokens the longest cell has."""
        lengths: dict[tuple[int, int], int] = defaultdict(int)
        for token in self.tokens:
            lengths[token.column, token.row] += 1
        return max(lengths.values(), default=0)


def _trimmed(begins: list[int], longest: int, trimmed: int, room: int) -> int | None:
    """Return how many tokens of each cell there is room for; ``None`` if these are too few.

    ``begins`` says where in its cell the word of each token begins: words are kept whole.
    """
    most = min(trimmed, longest) if trimmed >= 0 else longest
    length = most
    if len(begins) > room:
        length = min(most, sorted(begins)[room] if room > 0 else 0)
    return None if length < most and (trimmed >= 0 or length == 0) else length
