"""From answers to labels of tokens, and from logits of tokens to cells."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from automodel_core.errors import InputError, TokenizationError
from automodel_tapas.layout import TableToken

LOWEST = -88.7
"""Logits below this one make no smaller probability in float32."""


def labels_of_cells(tokens: Sequence[TableToken], cells: Iterable[Any]) -> list[int]:
    """Return 1 for each token of the cells, which are pairs (row, column) from 0.

    Raises `TokenizationError` for a cell that has no tokens.
    """
    try:
        wanted = {(int(row), int(column)) for row, column in cells}
    except (TypeError, ValueError):
        raise TokenizationError(
            f"answer_coordinates are pairs (row, column), got {cells}: one list of them for each "
            "question"
        ) from None
    missing = wanted - {(token.row - 1, token.column - 1) for token in tokens}
    if missing:
        raise TokenizationError(
            f"answer_coordinates: there are no tokens of the cells {sorted(missing)} (row, "
            "column): they lie outside of the table, or in rows that truncation dropped"
        )
    return [int((token.row - 1, token.column - 1) in wanted) for token in tokens]


def labels_of_texts(tokens: Sequence[TableToken], texts: Iterable[list[int]]) -> list[int]:
    """Return 1 for the tokens of each text in the first cell that has it."""
    places: dict[tuple[int, int], list[int]] = defaultdict(list)
    for place, token in enumerate(tokens):
        if token.row > 0:
            places[token.row, token.column].append(place)
    labels = [0] * len(tokens)
    for text in texts:
        found = (
            cell[start : start + len(text)]
            for cell in places.values()
            for start in range(1 + len(cell) - len(text))
            if [tokens[place].id for place in cell[start : start + len(text)]] == text
        )
        for place in next(found, ()):
            labels[place] = 1
    return labels


def predicted_cells(
    data: Mapping[str, Any], logits: Any, threshold: float
) -> list[list[tuple[int, int]]]:
    """Return for each row of a batch the (row, column) of cells that are likely enough, in order.

    ``data`` are the tokenizer's outputs as tensors, with a batch dimension. A cell is as likely as
    its tokens are on average.
    """
    try:
        types, shown = data["token_type_ids"], data["attention_mask"]
    except KeyError as error:
        raise InputError(f"data must have {error}, as the tokenizer returned it") from None
    scores = torch.as_tensor(logits).detach().float().clamp(min=LOWEST).sigmoid()
    likely = (scores * torch.as_tensor(shown).to(scores.device)).double().tolist()
    return [
        _above(row, kinds, threshold)
        for row, kinds in zip(likely, torch.as_tensor(types).tolist(), strict=True)
    ]


def _above(likely: list[float], types: list[list[int]], threshold: float) -> list[tuple[int, int]]:
    cells: dict[tuple[int, int], list[float]] = defaultdict(list)
    for chance, (segment, column, row, *_) in zip(likely, types, strict=True):
        if segment == 1 and column > 0 and row > 0:
            cells[row - 1, column - 1].append(chance)
    return sorted(
        cell for cell, chances in cells.items() if sum(chances) / len(chances) > threshold
    )


def best_aggregations(logits: Any) -> list[int]:
    """Return for each row the number of the likeliest aggregation."""
    scores: Tensor = torch.as_tensor(logits)
    best: list[int] = scores.argmax(-1).tolist()
    return best
