"""Tables of texts, as users have them: columns, rows, records, data frames, files."""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from automodel_core.errors import InputError, shown

__all__ = ["Table"]

MISSING = ("nan", "NaT", "<NA>")
"""What values that pandas and NumPy have for none are as texts."""


@dataclass(frozen=True)
class Table:
    """The names of columns, and the cells of rows, all of them texts."""

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()

    @classmethod
    def of(cls, table: Any) -> Table:
        """Return the table that is given in any of the ways in which users have one.

        These are a dict of columns, a list of rows whose first are the names of columns, a list of
        dicts, or a data frame of pandas. What is no text becomes one; none is an empty text.
        """
        if isinstance(table, Table):
            return table
        pandas: Any = sys.modules.get("pandas")
        if pandas is not None and isinstance(table, pandas.DataFrame):
            return cls._checked(table.columns, table.itertuples(index=False, name=None))
        if isinstance(table, Mapping):
            columns = [_values(name, column) for name, column in table.items()]
            longest = max(map(len, columns), default=0)
            for name, column in zip(table, columns, strict=True):
                if len(column) < longest:
                    raise InputError(
                        f"column {shown(name)} of the table has {len(column)} cells, and another "
                        f"one {longest}: each needs a cell for every row"
                    )
            return cls._checked(table, zip(*columns, strict=True))
        if isinstance(table, list | tuple) and all(isinstance(row, Mapping) for row in table):
            names = list(dict.fromkeys(name for row in table for name in row))
            return cls._checked(names, ([row.get(name) for name in names] for row in table))
        if isinstance(table, list | tuple) and all(isinstance(row, list | tuple) for row in table):
            return cls._checked(table[0], table[1:])
        raise InputError(
            "a table is a dict of columns, a list of rows that begins with the names of columns, "
            f"a list of dicts, or a data frame of pandas; got {shown(table)}"
        )

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Table:
        """Return the table in a file of comma- or tab-separated values, whose first row names them.

        What separates values, the file's first lines tell. Raises `InputError` for another file.
        """
        try:
            text = Path(path).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(
                f"{shown(os.fspath(path))} cannot be read as a table: {error}"
            ) from error
        try:
            dialect: Any = csv.Sniffer().sniff(text.partition("\n")[0], ",;\t|")
        except csv.Error:
            dialect = csv.excel
        rows = [row for row in csv.reader(text.splitlines(keepends=True), dialect) if row]
        if not rows:
            raise InputError(f"{shown(os.fspath(path))} has no rows, not even names of columns")
        return cls._checked(rows[0], rows[1:])

    @classmethod
    def _checked(cls, columns: Any, rows: Any) -> Table:
        names = tuple(map(_text, columns))
        found = tuple(tuple(map(_text, row)) for row in rows)
        for number, row in enumerate(found):
            if len(row) != len(names):
                raise InputError(
                    f"row {number} of the table has {len(row)} cells, and there are {len(names)} "
                    "columns"
                )
        return cls(names, found)


def _values(name: Any, column: Any) -> Sequence[Any]:
    """Return the cells of a column: those of a list, or of a dict by row, an array or a series."""
    if isinstance(column, Mapping):
        column = column.values()
    try:
        if not isinstance(column, str | bytes):
            return list(column)
    except TypeError:
        pass
    raise InputError(f"column {shown(name)} of the table must be a list, got {shown(column)}")


def _text(cell: Any) -> str:
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bytes):
        raise InputError(f"a cell of the table is bytes, which are no text: {shown(cell)}")
    text = "" if cell is None else str(cell)
    return "" if text in MISSING else text
