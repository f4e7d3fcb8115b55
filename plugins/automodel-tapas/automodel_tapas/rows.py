"""One row of tokens for a question and a table, with types, labels and numbers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from automodel_core.text import Table
from automodel_tapas.columns import Cell, Column, columns_of, ranks, relations
from automodel_tapas.layout import Layout, Pieces, TableToken
from automodel_tapas.quantities import Date

KINDS = 7
Labels = Callable[[Sequence[TableToken], Sequence[Any], Sequence[str] | None], list[int]]
"""What makes labels of tokens, of the cells and the texts of an answer."""


@dataclass(frozen=True)
class ReadTable:
    """What a table's tokens and quantities are, once for all questions about it."""

    layout: Layout
    columns: list[Column]
    ranks: dict[Cell, tuple[int, int]]

    @classmethod
    def of(
        cls, table: Table, pieces: Callable[[list[str]], list[Pieces]], names: bool
    ) -> ReadTable:
        """Read a table by what makes ``pieces`` of texts; ``names`` of columns if they count."""
        columns = columns_of(table)
        return cls(Layout.of(table, pieces, names), columns, ranks(columns))


@dataclass(frozen=True)
class Question:
    """A question, what its answer is if that is known, and the answer to the one before it."""

    text: str
    ids: list[int]
    cells: Sequence[Any] | None = None
    texts: Sequence[str] | None = None
    previous_cells: Sequence[Any] | None = None
    previous_texts: Sequence[str] | None = None


def row_of(
    read: ReadTable,
    question: Question,
    tokens: Sequence[TableToken],
    around: tuple[list[int], list[int]],
    labels: Labels,
) -> dict[str, list[Any]]:
    """Return the inputs of a question and tokens of the table, without a batch axis or padding.

    ``around`` are the special tokens before and behind the question.
    """
    asked = relations(question.text, read.columns)
    marked = [0] * len(tokens)
    if question.previous_cells is not None:
        marked = labels(tokens, question.previous_cells, question.previous_texts)
    head = [*around[0], *question.ids, *around[1]]
    types = [[0] * KINDS for _ in head]
    for token, label in zip(tokens, marked, strict=True):
        rank, inverse = read.ranks.get(token.cell, (0, 0))
        types.append([1, token.column, token.row, label, rank, inverse, asked.get(token.cell, 0)])
    row: dict[str, list[Any]] = {
        "input_ids": [*head, *(token.id for token in tokens)],
        "token_type_ids": types,
        "special_tokens_mask": [
            *(1 for _ in around[0]), *(0 for _ in question.ids), *(1 for _ in around[1]),
            *(0 for _ in tokens),
        ],
    }  # fmt: skip
    if question.cells is not None:
        nothing = len(head)
        row["labels"] = [0] * nothing + labels(tokens, question.cells, question.texts)
        row["numeric_values"] = [math.nan] * nothing + _numbers(read.columns, tokens)
        row["numeric_values_scale"] = [1.0] * nothing + _shares(tokens)
    return row


def _numbers(columns: list[Column], tokens: Sequence[TableToken]) -> list[float]:
    """Return the number in the cell of each token, NaN for none."""
    found = (columns[token.column - 1].get(token.row - 1) for token in tokens)
    return [math.nan if each is None or isinstance(each, Date) else each for each in found]


def _shares(tokens: Sequence[TableToken]) -> list[float]:
    """Return how many tokens are in the cell of each; 1 for names of columns."""
    counts = Counter(token.cell for token in tokens)
    return [float(counts[token.cell]) if token.row > 0 else 1.0 for token in tokens]
