"""``table-question-answering``: the cells of a table that answer a question, or a text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from automodel_core.errors import InputError, shown
from automodel_core.tasks.base.chunks import Chunk, batch_of
from automodel_core.tasks.base.generating import GenerativePipeline
from automodel_core.text.tables import Table

__all__ = ["TableQuestionAnsweringPipeline"]

ROWS = "drop_rows_to_fit"
PREVIOUS = 3
"""Which of a token's types says whether it was part of the previous answer."""


class TableQuestionAnsweringPipeline(GenerativePipeline):
    """Returns answer, coordinates (row, column), cells, and what is done with them, if anything.

    An input is a dict of ``table`` and ``query``; both may be arguments of the call. A table is a
    dict of columns, a list of rows that begins with the names of columns, a list of dicts, a data
    frame, or the path of a file of values. A list of queries has a list of answers; with
    ``sequential=True`` each may be about the answer to the one before. A model that writes its
    answers returns them alone.
    """

    needs = ("tokenizer",)
    per_token = ("logits",)
    tokens = 2048
    defaults: ClassVar[Mapping[str, Any]] = {"max_new_tokens": 256}

    def arrange(
        self, table: Any = None, query: Any = None, **options: Any
    ) -> tuple[Any, dict[str, Any]]:
        """Make a dict of table and queries, if they are given apart; of one in a list, itself."""
        if table is None:
            raise InputError("give a table and a query, or dicts with these keys")
        if query is not None:
            return {"table": table, "query": query}, options
        alone = isinstance(table, list) and len(table) == 1
        return table[0] if alone else table, options

    def settled(self, options: dict[str, Any]) -> dict[str, Any]:
        """Leave out what is ``None``."""
        return super().settled({k: v for k, v in options.items() if v is not None})

    @property
    def _writes(self) -> bool:
        """Whether the model writes its answers."""
        return self.model.can_generate()

    def preprocess(
        self,
        item: Any,
        *,
        padding: bool | str = False,
        truncation: bool | str | None = None,
        sequential: bool = False,
    ) -> Iterator[Chunk]:
        table, queries = _asked(item)
        if not self.tokenizer.accepts("table"):
            raise InputError(
                f"{type(self.tokenizer).__name__} reads texts and no tables: load a checkpoint for "
                "questions about tables"
            )
        if truncation is None:
            truncation = False if self._writes else ROWS
        # Rows of one batch are padded to the longest of them, whatever is said here.
        length = padding if padding == "max_length" else False
        encoded = self.tokenizer(table, queries, truncation=truncation, padding=length)
        rows = [
            Chunk.of({name: values[row] for name, values in encoded.items()}, table=table)
            for row in range(len(queries))
        ]
        if sequential and not self._writes:
            rows[0].notes["later"] = rows[1:]
            yield rows[0]
        else:
            yield from rows

    def run_batch(self, chunks: Sequence[Chunk], options: Mapping[str, Any]) -> None:
        """Run the model; questions that may be about each other's answers one after the other."""
        if not options.get("sequential") or self._writes:
            super().run_batch(chunks, options)
            return
        for first in chunks:
            before: set[tuple[int, int]] = set()
            for chunk in (first, *first.notes["later"]):
                _mark(chunk.inputs["token_type_ids"], before)
                super().run_batch([chunk], options)
                before = set(self._cells(chunk))

    def forward(
        self, inputs: dict[str, Any], *, sequential: bool = False, **settings: Any
    ) -> Mapping[str, Any]:
        if self._writes:
            return self.generate(inputs, settings)
        if settings:
            raise InputError(
                f"{type(self.model).__name__} writes nothing: leave out {', '.join(settings)}"
            )
        outputs = self.model(**inputs)
        found = {"logits": self.output(outputs, "logits")}
        if self._aggregations:
            found["logits_aggregation"] = self.output(outputs, "logits_aggregation")
        return found

    @property
    def _aggregations(self) -> Mapping[int, str]:
        """What may be done with cells, by number."""
        config = self.model.config
        names: Mapping[int, str] | None = config.get("aggregation_labels")
        return names if names and config.get("num_aggregation_labels") else {}

    def postprocess(self, chunks: Sequence[Chunk]) -> Any:
        rows = [row for chunk in chunks for row in (chunk, *chunk.notes.get("later", ()))]
        if self._writes:
            written = [sequence for row in rows for sequence in row.outputs["sequences"]]
            texts = self.tokenizer.batch_decode(written, skip_special_tokens=True)
            answers = [{"answer": text} for text in texts]
        else:
            answers = [self._answer(row) for row in rows]
        return answers if len(answers) > 1 else answers[0]

    def _cells(self, row: Chunk) -> list[tuple[int, int]]:
        """Return the cells (row, column) that answer a question."""
        found: list[tuple[int, int]]
        (found,) = self._predictions(row, row.outputs["logits"][None])[0]
        return found

    def _predictions(self, row: Chunk, *logits: Tensor) -> tuple[Any, ...]:
        data = batch_of([row], self.padding)
        predictions: tuple[Any, ...] = self.tokenizer.convert_logits_to_predictions(data, *logits)
        return predictions

    def _answer(self, row: Chunk) -> dict[str, Any]:
        table: Table = row.notes["table"]
        coordinates = self._cells(row)
        cells = [table.rows[line][column] for line, column in coordinates]
        answer: dict[str, Any] = {
            "answer": ", ".join(cells),
            "coordinates": coordinates,
            "cells": cells,
        }
        if self._aggregations:
            best = int(row.outputs["logits_aggregation"].argmax())
            answer["aggregator"] = name = self._aggregations[best]
            if best != self.model.config.get("no_aggregation_label_index"):
                answer["answer"] = f"{name} > {answer['answer']}"
        return answer


def _asked(item: Any) -> tuple[Table, list[str]]:
    """Return the table and the queries of an input."""
    if not isinstance(item, Mapping) or item.get("table") is None or item.get("query") is None:
        raise InputError(f"an input is {{'table': ..., 'query': ...}}; got {shown(item)}")
    given, queries = item["table"], item["query"]
    table = Table.read(given) if isinstance(given, str) else Table.of(given)
    if not table.rows or not table.columns:
        raise InputError("the table is empty: it needs names of columns, and rows")
    queries = list(queries) if isinstance(queries, list | tuple) else [queries]
    for query in queries or [""]:
        if not isinstance(query, str) or not query.strip():
            raise InputError(f"a query is a text, and must not be empty; got {shown(query)}")
    return table, queries


def _mark(types: Tensor, cells: set[tuple[int, int]]) -> None:
    """Note in the types ``(length, kinds)`` of tokens which of them were the previous answer."""
    where = types[:, 1:3].tolist()
    marks = [(row - 1, column - 1) in cells for column, row in where]
    types[:, PREVIOUS] = torch.tensor(marks, dtype=types.dtype)
