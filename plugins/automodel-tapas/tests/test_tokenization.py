"""TAPAS's tokenizer alone: kinds of tables, types, and what is refused; pandas is not needed."""

from __future__ import annotations

import math
from typing import Any

import pytest

from automodel_core.errors import InputError, TokenizationError
from automodel_core.text import Table
from automodel_tapas import TapasTokenizer
from automodel_tapas.quantities import Date, quantities

WORDS = "[PAD] [EMPTY] [UNK] [CLS] [SEP] [MASK] who name age is 7 ##7 ##8 9 older than brad pitt"
COLUMNS = {"name": ["brad", "pitt pitt"], "age": ["77", "9"]}
SAME_TABLES: list[Any] = [
    COLUMNS,
    [["name", "age"], ["brad", "77"], ["pitt pitt", "9"]],
    [{"name": "brad", "age": 77}, {"name": "pitt pitt", "age": 9}],
    {"name": {0: "brad", 1: "pitt pitt"}, "age": (77, 9)},
    Table.of(COLUMNS),
]


@pytest.fixture(scope="module")
def tokenizer() -> TapasTokenizer:
    return TapasTokenizer({word: index for index, word in enumerate(WORDS.split())})


@pytest.mark.parametrize("table", SAME_TABLES)
def test_kinds_of_tables(tokenizer: TapasTokenizer, table: Any) -> None:
    found = tokenizer(table, "who is older than 9")
    tokens = tokenizer.convert_ids_to_tokens(found["input_ids"])
    assert " ".join(tokens) == "[CLS] who is older than 9 [SEP] name age brad 7 ##7 pitt pitt 9"
    assert found["token_type_ids"][7:] == [
        [1, 1, 0, 0, 0, 0, 0],
        [1, 2, 0, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0, 0],
        [1, 2, 1, 0, 2, 1, 2],  # 9 is less than 77
        [1, 2, 1, 0, 2, 1, 2],
        [1, 1, 2, 0, 0, 0, 0],
        [1, 1, 2, 0, 0, 0, 0],
        [1, 2, 2, 0, 1, 2, 1],
    ]


def test_cells_without_a_value(tokenizer: TapasTokenizer) -> None:
    empty = tokenizer({"name": ["", None, math.nan, "n/a", "?", "..."]}, "who")["input_ids"][4:]
    assert empty == [tokenizer.convert_tokens_to_ids("[EMPTY]")] * 6


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"a": ["1"], "b": ["1", "2"]}, r"column 'a' of the table has 1 cells"),
        ([["a", "b"], ["1"]], r"row 0 of the table has 1 cells, and there are 2 columns"),
        ({"a": "12"}, r"column 'a' of the table must be a list"),
        ({"a": [b"12"]}, r"a cell of the table is bytes"),
        (3, r"a table is a dict of columns"),
    ],
)
def test_wrong_tables_are_named(tokenizer: TapasTokenizer, table: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        tokenizer(table, "who")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"queries": [["who"]]}, "a question is a str"),
        ({"queries": "who", "truncation": "longest_first"}, "rows are dropped"),
        ({"queries": "who", "answer_text": ["7"]}, "given together"),
        ({"queries": "who", "return_offsets_mapping": True}, "return_offsets_mapping"),
        ({"queries": "who", "is_split_into_words": True}, "is_split_into_words"),
        ({"queries": "who", "max_length": 3, "truncation": True}, "even without rows"),
        (
            {"queries": "who", "answer_coordinates": [(2, 0)], "answer_text": ["7"]},
            r"no tokens of the cells \[\(2, 0\)\]",
        ),
        (
            {"queries": ["who"], "answer_coordinates": [[(0, 0)]] * 2, "answer_text": [["7"]] * 2},
            "2 lists for 1 questions",
        ),
    ],
)
def test_wrong_calls(tokenizer: TapasTokenizer, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(TokenizationError, match=message):
        tokenizer(COLUMNS, **arguments)


def test_numbers_and_dates() -> None:
    assert quantities("From 1,000.5 to the 3rd of twelve") == [1000.5, 3.0, 12.0]
    assert quantities("May 5, 1999") == [Date(1999, 5, 5)]
    assert quantities("1990") == [1990.0, Date(1990)]
    assert quantities("feb 29") == [29.0]
