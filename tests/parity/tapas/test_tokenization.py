"""TAPAS's tokenizer against the reference: tables, quantities, answers, truncation, files."""

from __future__ import annotations

import itertools
import json
import math
import random
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
import transformers
from transformers.models.tapas import tokenization_tapas as reference

from automodel_core import AutoTokenizer
from automodel_core.preprocessing.tensors import plain
from automodel_tapas import TapasTokenizer
from automodel_tapas.quantities import Date, quantities
from support.parity import IS_5

pytestmark = pytest.mark.filterwarnings("ignore:Series.__getitem__ treating keys as positions")

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789é"
WORDS = "how many the age name movies date of birth brad pitt george clooney total 7 19 67".split()
VOCABULARY = dict.fromkeys([
    *("[PAD]", "[EMPTY]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    *WORDS,
    *LETTERS,
    *(f"##{letter}" for letter in LETTERS),
    *".,?!-+/$%()'\":;",
    "東",
])  # fmt: skip
ACTORS = {
    "name": ["Brad Pitt", "Leonardo di Caprio", "George Clooney"],
    "age (years)": ["56", "45", "59"],
    "number of movies": ["87", "n/a", "69"],
    "date of birth": ["7 february 1967", "10 june 1996", "28 november 1967"],
}
TABLES: dict[str, dict[str, list[str]]] = {
    "actors": ACTORS,
    "odd cells": {
        "a_b": ["-1", "+2,000.5", "nan", "1e3", "3rd", "?"],
        "Élan": ["first", "12 of 13", "東京", "[MASK]", "...", "1,234,567"],
        " ": ["1990s", "1990", "2016", "2017", "may 1999", "1-2-1999"],
        "mixed": ["5", "5", "june", "7 may", "5.0", "five"],
    },
    "dates of all kinds": {
        "day": ["may 5", "5 may", "june 30", "feb 29", "monday, may 3", "december 1"],
        "month": ["may 1990", "June 2000", "1999-12", "december", "12 may 1800", "jan 1, 1900"],
        "iso": ["1999-12-31", "12-31-1999", "31.12.1999", "2015", "1701-01-01", "1699-01-01"],
    },
    "one cell": {"a": ["1"]},
    "no rows": {"a": [], "b": []},
    "equal": {"n": ["2", "2", "1", "1", "3"], "words": ["two", "second", "2nd", "x", "twelve"]},
}
QUESTIONS = [
    "How many movies does Brad Pitt have?",
    "who was born after 10 june 1996 or in 1967",
    "more than 45, at most 69.0?",
    "which is the first of may 1990 ?",
    "?",
]


def frame(table: dict[str, list[str]]) -> pd.DataFrame:
    return pd.DataFrame(table, dtype=object)


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tapas") / "vocab.txt"
    path.write_text("".join(f"{token}\n" for token in VOCABULARY), encoding="utf-8")
    return path


def pair(path: Path, **settings: Any) -> tuple[Any, Any]:
    return transformers.TapasTokenizer(str(path), **settings), TapasTokenizer(path, **settings)


def assert_same(found: Any, expected: Any) -> None:
    """Compare two encodings, NaN with NaN, lists with lists and tensors with tensors."""
    assert set(found) == set(expected)
    for key, value in expected.items():
        if isinstance(value, torch.Tensor):
            assert torch.equal(found[key].nan_to_num(-7.0), value.nan_to_num(-7.0)), key
            assert found[key].dtype == value.dtype, key
        else:
            assert str(found[key]) == str(value), key


def both(path: Path, table: Any, queries: Any, call: Any = (), **settings: Any) -> None:
    """Call both tokenizers, and compare what they return or that both refuse."""
    theirs, ours = pair(path, **settings)
    options = dict(call)
    try:
        expected = theirs(
            frame(table), list(queries) if isinstance(queries, list) else queries, **options
        )
    except ValueError:
        with pytest.raises(ValueError, match=r"table|answer|max"):
            ours(table, queries, **options)
        return
    assert_same(ours(table, queries, **options), expected)
    assert_same(ours(frame(table), queries, **options), expected)


@pytest.mark.parametrize("name", TABLES)
def test_tables(vocabulary: Path, name: str) -> None:
    both(vocabulary, TABLES[name], QUESTIONS)
    for question in QUESTIONS:
        both(vocabulary, TABLES[name], question, {"return_tensors": "pt"})


@pytest.mark.parametrize(
    "call",
    [
        {"padding": True, "return_tensors": "pt", "return_special_tokens_mask": True},
        {"padding": "longest", "return_length": True, "return_attention_mask": False},
        {"padding": "max_length", "max_length": 90, "return_tensors": "np"},
        {"padding": "max_length", "max_length": 90, "padding_side": "left"},
        {"padding": True, "pad_to_multiple_of": 16},
        {"padding": True, "max_length": 90, "truncation": True},
        {"padding": "max_length", "truncation": "drop_rows_to_fit"},
        {"return_token_type_ids": False, "truncation": False},
        {"max_length": 20},
    ],
)
@pytest.mark.filterwarnings("ignore:`max_length` is ignored")
@pytest.mark.parametrize("queries", [QUESTIONS, QUESTIONS[0]], ids=["many", "one"])
def test_calls(vocabulary: Path, call: dict[str, Any], queries: Any) -> None:
    theirs, ours = pair(vocabulary, model_max_length=100)
    given = list(queries) if isinstance(queries, list) else queries
    try:
        expected = theirs(frame(ACTORS), given, **call)
    except ValueError:
        with pytest.raises(ValueError, match="more than max_length"):
            ours(ACTORS, queries, **call)
        return
    found = ours(ACTORS, queries, **call)
    assert set(found) == set(expected)
    for key in expected:
        mine, other = (plain(each[key]) for each in (found, expected))
        assert mine == other, key


@pytest.mark.parametrize("trimmed", [-1, 0, 1, 3])
@pytest.mark.parametrize("name", ["actors", "odd cells", "dates of all kinds"])
def test_truncation(vocabulary: Path, name: str, trimmed: int) -> None:
    for length in range(9, 130, 11):
        settings = {"cell_trim_length": trimmed, "model_max_length": length}
        both(vocabulary, TABLES[name], QUESTIONS[0], {"truncation": True}, **settings)
        call = {"truncation": True, "max_length": length}
        both(vocabulary, TABLES[name], QUESTIONS[0], call, cell_trim_length=trimmed)


@pytest.mark.parametrize(
    "settings",
    [
        {"max_row_id": 3}, {"max_row_id": 4}, {"max_column_id": 4}, {"max_column_id": 5},
        {"max_question_length": 4}, {"min_question_length": 9}, {"do_lower_case": False},
        {"strip_accents": False}, {"tokenize_chinese_chars": False}, {"do_basic_tokenize": False},
        {"never_split": ["[EMPTY]"]}, {"cell_trim_length": 2},
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("truncation", [False, True])
def test_settings(vocabulary: Path, settings: dict[str, Any], truncation: bool) -> None:
    for name in ("actors", "odd cells"):
        table = {f"{key} ": column for key, column in TABLES[name].items()}
        both(vocabulary, table, QUESTIONS[:3], {"truncation": truncation}, **settings)


ANSWERS = {
    "answer_coordinates": [[(0, 2)], [(1, 0), (0, 3)], [], [(2, 1), (2, 1)]],
    "answer_text": [["87"], ["Leonardo di Caprio", "7 february 1967"], [], ["59", "59"]],
}


@pytest.mark.parametrize("padding", [False, True])
def test_answers_and_the_questions_after_them(vocabulary: Path, padding: bool) -> None:
    both(vocabulary, ACTORS, QUESTIONS[:4], {**ANSWERS, "padding": padding})
    one = {key: values[1] for key, values in ANSWERS.items()}
    both(vocabulary, ACTORS, QUESTIONS[0], {**one, "return_tensors": "pt"})
    both(vocabulary, ACTORS, QUESTIONS[0], {"answer_coordinates": [(9, 9)], "answer_text": ["x"]})
    both(vocabulary, ACTORS, QUESTIONS[0], {"answer_coordinates": [(0, 0)]})
    for name in ("odd cells", "equal"):
        rows = len(next(iter(TABLES[name].values())))
        cells = [(row, 1) for row in range(rows)]
        call = {"answer_coordinates": cells, "answer_text": ["x"] * rows}
        both(vocabulary, TABLES[name], QUESTIONS[0], call)


def test_answers_are_found_by_their_text(vocabulary: Path) -> None:
    """The reference has the setting, and fails with it."""
    theirs, ours = pair(vocabulary, update_answer_coordinates=True)
    given = {"answer_coordinates": [(0, 0)], "answer_text": ["di Caprio", "59"]}
    with pytest.raises(AttributeError):
        theirs(frame(ACTORS), QUESTIONS[0], **given)
    found = ours(ACTORS, QUESTIONS[0], **given)
    tokens = ours.convert_ids_to_tokens(found["input_ids"])
    marked = [token for token, label in zip(tokens, found["labels"], strict=True) if label]
    assert ours.convert_tokens_to_string(marked) == "di caprio 59"


@pytest.mark.skipif(not IS_5, reason="version 4 refuses what has no table")
def test_texts_without_a_table(vocabulary: Path) -> None:
    theirs, ours = pair(vocabulary)
    for text in QUESTIONS:
        assert_same(ours(text), theirs(text))
        assert ours.tokenize(text) == theirs.tokenize(text)
        assert ours.encode(ACTORS, text) == theirs.encode(frame(ACTORS), text)
    assert_same(ours(list(QUESTIONS), padding=True), theirs(list(QUESTIONS), padding=True))
    first, second = [7, 8], [9]
    assert ours.build_inputs_with_special_tokens(first, second) == (
        theirs.build_inputs_with_special_tokens(first, second)
    )


def test_an_empty_cell_is_the_token_for_one(vocabulary: Path) -> None:
    """The reference says so of "" too, and gives it no token at all."""
    theirs, ours = pair(vocabulary)
    table = {"a": ["", "1"], "b": [None, math.nan]}
    found = ours(table, "how many?")
    blank = ours({"a": [" ", "1"], "b": [" ", " "]}, "how many?")
    assert_same(found, blank)
    assert_same(found, theirs(frame({"a": [" ", "1"], "b": [" ", " "]}), "how many?"))
    assert found["input_ids"].count(ours.convert_tokens_to_ids("[EMPTY]")) == 3
    assert theirs(frame({"a": [""]}), "how many?")["input_ids"][-1] == theirs.vocab["a"]


def test_rows_of_a_part_of_a_frame_are_counted_anew(vocabulary: Path) -> None:
    """The reference looks for them by the whole frame's numbers."""
    whole = frame(ACTORS)
    theirs, ours = pair(vocabulary)
    part = whole[whole["name"] != "Brad Pitt"]
    with pytest.raises(IndexError):
        theirs(part, QUESTIONS[1])
    assert_same(ours(part, QUESTIONS[1]), theirs(part.reset_index(drop=True), QUESTIONS[1]))


def test_special_tokens_may_be_left_out(vocabulary: Path) -> None:
    """Of the reference, the types are then those of two tokens more."""
    theirs, ours = pair(vocabulary)
    whole = ours(ACTORS, QUESTIONS[0], return_special_tokens_mask=True)
    bare = ours(ACTORS, QUESTIONS[0], add_special_tokens=False)
    expected = theirs(frame(ACTORS), QUESTIONS[0], add_special_tokens=False)
    assert bare["input_ids"] == expected["input_ids"]
    kept = [not special for special in whole["special_tokens_mask"]]
    assert bare["token_type_ids"] == list(itertools.compress(whole["token_type_ids"], kept))


@pytest.mark.parametrize("seed", range(4))
def test_numbers_and_dates(seed: int) -> None:
    chance = random.Random(seed)
    parts = """
        1 12 31 1990 2017 1,000 3. .5 -4 +7 1e5 0x 1_0 first 2nd 3th twelve may June dec sept
        monday, 1990s inf - , / . nan of 30, 1999-1-1 1.2.1999 ½ \uff12
    """.split()
    parts += [" ", "  "]
    for _ in range(400):
        text = "".join(
            chance.choice(parts) + chance.choice(["", " "]) for _ in range(chance.randint(1, 7))
        )
        spans = reference.parse_text(reference.normalize_for_match(text))
        expected = [
            value.float_value if value.date is None
            else Date(value.date.year, value.date.month, value.date.day)
            for span in spans for value in span.values
        ]  # fmt: skip
        assert quantities(text) == expected, text


@pytest.mark.parametrize("aggregates", [False, True])
def test_predictions(vocabulary: Path, aggregates: bool) -> None:
    theirs, ours = pair(vocabulary)
    data = ours(ACTORS, QUESTIONS, padding=True, return_tensors="pt")
    chance = torch.Generator().manual_seed(0)
    logits = torch.randn(data["input_ids"].shape, generator=chance) * 4
    logits[0, ::5] = -10000.0
    given = [torch.randn(len(QUESTIONS), 4, generator=chance)] if aggregates else []
    for threshold in (0.5, 0.2):
        more = {"cell_classification_threshold": threshold}
        expected = theirs.convert_logits_to_predictions(data, logits.clone(), *given, **more)
        found = ours.convert_logits_to_predictions(data, logits.requires_grad_(), *given, **more)
        assert found == expected
        logits = logits.detach()
    assert any(expected[0])


def test_files_go_both_ways(vocabulary: Path, tmp_path: Path) -> None:
    settings = {"model_max_length": 64, "max_question_length": 30, "cell_trim_length": 3}
    theirs, ours = pair(vocabulary, **settings)
    theirs.save_pretrained(tmp_path / "theirs")
    ours.save_pretrained(tmp_path / "ours")
    call = {"truncation": True, "padding": "max_length"}
    expected = theirs(frame(ACTORS), list(QUESTIONS), **call)
    for folder in ("theirs", "ours"):
        (tmp_path / folder / "config.json").write_text(json.dumps({"model_type": "tapas"}))
        again = AutoTokenizer.from_pretrained(tmp_path / folder)
        assert type(again) is TapasTokenizer
        assert_same(again(ACTORS, QUESTIONS, **call), expected)
        back = transformers.TapasTokenizer.from_pretrained(tmp_path / folder)
        assert_same(back(frame(ACTORS), list(QUESTIONS), **call), expected)
        assert back.cell_trim_length == again.cell_trim_length == 3
