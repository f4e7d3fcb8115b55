"""TAPAS's tokenizer: a question and a table as one row of tokens, each with seven types."""

from __future__ import annotations

import logging
import math
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors

from automodel_core.errors import TokenizationError, shown
from automodel_core.families.bert import BertFamilyTokenizer
from automodel_core.text import BatchEncoding, Table, TensorType, rust_errors
from automodel_tapas import predictions
from automodel_tapas.layout import Limits, Pieces, TableToken, TapasTruncationStrategy
from automodel_tapas.rows import KINDS, Question, ReadTable, row_of

EMPTY_CELLS = ("n/a", "?", "nan")
WORD = re.compile(r"[^\W_]")
TABLE_ARGUMENTS = ("table", "queries", "answer_coordinates", "answer_text")
ONE = "a question is a str, and several are a list of them"

logger = logging.getLogger("automodel_core")


class TapasTokenizer(BertFamilyTokenizer):
    """WordPiece from ``vocab.txt`` (a path or a dict of ids) or ``tokenizer.json``, for tables.

    Cells without a word become ``empty_token``. ``cell_trim_length`` is how many tokens of a cell
    are kept where a table is truncated; below 0, as many as fit. ``update_answer_coordinates``
    looks for ``answer_text`` in the cells, wherever ``answer_coordinates`` say it is.
    """

    composes = True
    default_tokens: ClassVar[dict[str, str]] = {
        **BertFamilyTokenizer.default_tokens,
        "empty_token": "[EMPTY]",
    }
    model_input_names: tuple[str, ...] = ("input_ids", "attention_mask", "token_type_ids")

    def __init__(
        self,
        vocab: str | os.PathLike[str] | Mapping[str, int] | None = None,
        do_lower_case: bool = True,
        do_basic_tokenize: bool = True,
        *,
        cell_trim_length: int = -1,
        max_column_id: int | None = None,
        max_row_id: int | None = None,
        strip_column_names: bool = False,
        update_answer_coordinates: bool = False,
        min_question_length: int | None = None,
        max_question_length: int | None = None,
        model_max_length: int | None = 512,
        **settings: Any,
    ) -> None:
        self.do_basic_tokenize = do_basic_tokenize
        empty = str(settings.get("empty_token") or self.default_tokens["empty_token"])
        known = settings.get("additional_special_tokens") or []
        if not isinstance(settings.get("extra_special_tokens"), Mapping):
            known = [*known, *(settings.pop("extra_special_tokens", None) or [])]
        settings["additional_special_tokens"] = list(dict.fromkeys([*known, empty]))
        super().__init__(
            vocab,
            do_lower_case,
            do_basic_tokenize=do_basic_tokenize,
            cell_trim_length=cell_trim_length,
            max_column_id=max_column_id,
            max_row_id=max_row_id,
            strip_column_names=strip_column_names,
            update_answer_coordinates=update_answer_coordinates,
            min_question_length=min_question_length,
            max_question_length=max_question_length,
            model_max_length=model_max_length,
            **settings,
        )
        self.cell_trim_length = cell_trim_length
        self.max_column_id = self.model_max_length if max_column_id is None else max_column_id
        self.max_row_id = self.model_max_length if max_row_id is None else max_row_id
        self.strip_column_names = strip_column_names
        self.update_answer_coordinates = update_answer_coordinates
        self.min_question_length = min_question_length
        self.max_question_length = max_question_length

    def _pipeline(
        self, source: str | os.PathLike[str] | Mapping[str, int], unk_token: str
    ) -> Tokenizer:
        rust = super()._pipeline(source, unk_token)
        if not self.do_basic_tokenize:
            rust.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        return rust

    def _normalizer(
        self, lowercase: bool, chinese: bool, strip_accents: bool | None
    ) -> normalizers.Normalizer:
        if not self.do_basic_tokenize:
            return normalizers.Sequence([])
        return super()._normalizer(lowercase, chinese, strip_accents)

    def update_post_processor(self) -> None:
        """Put the special tokens around a question; nothing stands behind a table."""
        cls, sep = self.needed_token("cls_token"), self.needed_token("sep_token")
        single = [cls[0], "$A", sep[0]]
        with self._backend.exclusive() as rust, rust_errors("setting the special tokens"):
            rust.post_processor = processors.TemplateProcessing(
                single=single, pair=[*single, "$B:1"], special_tokens=[cls, sep]
            )

    # ---- texts ----

    def pieces(self, texts: Sequence[str]) -> list[Pieces]:
        """Return ids and tokens of each text; one without a word is the token for empty cells."""
        if not texts:
            return []
        found = super().__call__(list(texts), add_special_tokens=False, verbose=False)
        name, index = self.needed_token("empty_token")
        return [
            ([index], [name]) if _is_empty(text) else (encoding.ids, encoding.tokens)
            for text, encoding in zip(texts, found.encodings or (), strict=True)
        ]

    def tokenize(  # type: ignore[override]
        self, text: str, pair: str | None = None, add_special_tokens: bool = False, **kwargs: Any
    ) -> list[str]:
        """Return the tokens of a text, of a pair one after the other."""
        if add_special_tokens:
            return super().__call__(text, pair, verbose=False, **kwargs).tokens()
        given = [text] if pair is None else [text, pair]
        return [token for text in given if text for token in self.pieces([text])[0][1]]

    # ---- tables ----

    def __call__(  # type: ignore[override]
        self,
        table: Any = None,
        queries: str | Sequence[str] | None = None,
        answer_coordinates: Sequence[Any] | None = None,
        answer_text: Sequence[Any] | None = None,
        add_special_tokens: bool = True,
        padding: bool | str = False,
        truncation: bool | str | TapasTruncationStrategy = False,
        max_length: int | None = None,
        pad_to_multiple_of: int | None = None,
        padding_side: str | None = None,
        return_tensors: str | TensorType | None = None,
        return_token_type_ids: bool | None = None,
        return_attention_mask: bool | None = None,
        return_overflowing_tokens: bool = False,
        return_special_tokens_mask: bool = False,
        return_offsets_mapping: bool = False,
        return_length: bool = False,
        verbose: bool = True,
        **kwargs: Any,
    ) -> BatchEncoding:
        """Encode a question about a table, or several, the table with each.

        A table is a dict of columns, a list of rows that begins with the names of columns, a list
        of dicts, or a data frame. Answers, one list for each of several questions, make labels:
        ``answer_coordinates`` are pairs (row, column) from 0, ``answer_text`` their texts. The
        answer to one question marks the cells of the next. Without ``queries``, ``table`` is a
        text or several. Raises `TokenizationError`.
        """
        if return_overflowing_tokens or return_offsets_mapping or kwargs:
            names = [*kwargs, *(["return_overflowing_tokens"] if return_overflowing_tokens else ())]
            raise TokenizationError(
                f"{', '.join(names) or 'return_offsets_mapping'}: a table is no text, of which "
                "these could tell where tokens come from"
            )
        if queries is None and _is_texts(table):
            table, queries = {}, table
        if table is None:
            raise TokenizationError("give a table: there is nothing to encode")
        if (answer_coordinates is None) != (answer_text is None):
            raise TokenizationError("answer_coordinates and answer_text are given together")
        read = ReadTable.of(Table.of(table), self.pieces, names=not self.strip_column_names)
        limits = Limits(self.max_column_id, self.max_row_id, self.cell_trim_length)
        limit = self.model_max_length if max_length is None else max_length
        strategy = TapasTruncationStrategy.of(truncation)
        cut = strategy is TapasTruncationStrategy.DROP_ROWS_TO_FIT
        cls, sep = self.needed_token("cls_token")[1], self.needed_token("sep_token")[1]
        around = ([cls], [sep]) if add_special_tokens else ([], [])
        rows = []
        for question in self._questions(queries, answer_coordinates, answer_text):
            room = limit - len(question.ids) - 2 if cut else None
            tokens = read.layout.fitting(limits, room)
            row = row_of(read, question, tokens, around, self._labels)
            if max_length is not None and len(row["input_ids"]) > max_length:
                raise TokenizationError(
                    f"question {shown(question.text)} and the table have "
                    f"{len(row['input_ids'])} tokens, more than max_length={max_length}"
                    + (", even without rows" if cut else ": truncation=True drops rows")
                )
            rows.append(row)
        unwanted = set() if return_special_tokens_mask else {"special_tokens_mask"}
        if not self._wanted("token_type_ids", return_token_type_ids):
            unwanted.add("token_type_ids")
        one = queries is None or isinstance(queries, str)
        if one and padding is True:  # one row is padded where there is a length to pad it to
            padded = max_length is not None or pad_to_multiple_of is not None
            padding = "max_length" if padded else False
        batch = {key: [row[key] for row in rows] for key in rows[0] if key not in unwanted}
        if max_length is None and verbose:
            self._warn_of_length(max(len(row["input_ids"]) for row in rows))
        lengths = [len(ids) for ids in batch["input_ids"]]
        result = self.pad(
            {key: values[0] for key, values in batch.items()} if one else batch,
            padding=padding,
            max_length=max_length,
            pad_to_multiple_of=pad_to_multiple_of,
            padding_side=padding_side,
            return_attention_mask=self._wanted("attention_mask", return_attention_mask),
        )
        if return_length:
            result["length"] = len(result["input_ids"]) if one else lengths
        return result.convert_to_tensors(return_tensors, prepend_batch_axis=one)

    def encode(self, table: Any, query: str | None = None, **kwargs: Any) -> Any:  # type: ignore[override]
        """Return the token ids of a question about a table; keywords are those of a call."""
        return self(table, query, **kwargs)["input_ids"]

    def encode_plus(  # type: ignore[override]
        self, table: Any, query: str | None = None, **kwargs: Any
    ) -> BatchEncoding:
        """Encode one question about a table; keywords are those of a call."""
        return self(table, query, **kwargs)

    def batch_encode_plus(  # type: ignore[override]
        self, table: Any, queries: Sequence[str] | None = None, **kwargs: Any
    ) -> BatchEncoding:
        """Encode questions about a table; keywords are those of a call."""
        return self(table, queries, **kwargs)

    def convert_logits_to_predictions(
        self,
        data: Mapping[str, Any],
        logits: Any,
        logits_agg: Any = None,
        cell_classification_threshold: float = 0.5,
    ) -> tuple[Any, ...]:
        """Return for each question the cells that answer it, and with aggregations their numbers.

        ``data`` are the tensors that this tokenizer returned. Cells are pairs (row, column).
        """
        cells = predictions.predicted_cells(data, logits, cell_classification_threshold)
        return (
            (cells,) if logits_agg is None else (cells, predictions.best_aggregations(logits_agg))
        )

    def padding_values(self) -> Mapping[str, Any]:
        """Return what each input is padded with."""
        return {
            **super().padding_values(),
            "token_type_ids": [self.pad_token_type_id] * KINDS,
            "labels": 0,
            "numeric_values": math.nan,
            "numeric_values_scale": 1.0,
        }

    @classmethod
    def accepts(cls, key: str) -> bool:
        """Return whether a call takes an argument of this name."""
        return key in TABLE_ARGUMENTS or super().accepts(key)

    # ---- the steps of a call ----

    def _questions(
        self, queries: Any, cells: Sequence[Any] | None, texts: Sequence[Any] | None
    ) -> list[Question]:
        """Return the questions of a call with what is known of their answers."""
        if queries is None or isinstance(queries, str):
            return [Question(*self._asked(queries or ""), cells, texts)]
        if not _is_texts(queries) or not queries:
            raise TokenizationError(f"{ONE}; got {shown(queries)}")
        count = len(queries)
        every = [None] * count
        for name, given in (("answer_coordinates", cells), ("answer_text", texts)):
            if given is not None and len(given) != count:
                raise TokenizationError(f"{name} has {len(given)} lists for {count} questions")
        known = list(zip(cells or every, texts or every, strict=True))
        previous = [(None, None), *known[:-1]]
        return [
            Question(*self._asked(query), *answer, *before)
            for query, answer, before in zip(queries, known, previous, strict=True)
        ]

    def _asked(self, query: str) -> tuple[str, list[int]]:
        """Return a question and its tokens, none of one that is too long or too short."""
        ids = self.pieces([query])[0][0] if query else []
        longest, shortest = self.max_question_length, self.min_question_length
        if longest is not None and len(ids) > longest:
            logger.warning(
                "a question of more than max_question_length=%d tokens is left out", longest
            )
            return "", []
        if shortest is not None and len(ids) < shortest:
            logger.warning(
                "a question of less than min_question_length=%d tokens is left out", shortest
            )
            return "", []
        return query, ids

    def _labels(
        self, tokens: Sequence[TableToken], cells: Sequence[Any], texts: Sequence[str] | None
    ) -> list[int]:
        if not self.update_answer_coordinates:
            return predictions.labels_of_cells(tokens, cells)
        return predictions.labels_of_texts(
            tokens, [ids for ids, _ in self.pieces(list(texts or ()))]
        )


def _is_empty(text: str) -> bool:
    """Return whether a cell counts as one without a value."""
    return text.lower().strip() in EMPTY_CELLS or WORD.search(text) is None


def _is_texts(given: Any) -> bool:
    """Return whether this is a text or a list of texts."""
    many = isinstance(given, list | tuple) and all(isinstance(text, str) for text in given)
    return isinstance(given, str) or many
