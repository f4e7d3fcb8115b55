"""ALBERT's tokenizer against transformers: pieces, offsets, pairs, text, files."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
import transformers

from automodel_albert import AlbertTokenizer
from automodel_core import AutoTokenizer
from support.parity import IS_5
from support.sentencepieces import TEXTS, train

SPECIAL = {
    "pad_id": 0, "pad_piece": "<pad>", "unk_id": 1, "bos_id": -1, "eos_id": -1,
    "control_symbols": ["[CLS]", "[SEP]", "[MASK]"], "user_defined_symbols": ["(", ")"],
}  # fmt: skip
NUMBERS = ["1,000 and 12,345.67", "7,", "in 1999, 2000, and 2001,", "``Quoted'' (twice) CAFÉ"]
MASKED = ["a [MASK].", "a[MASK] b"]
SETTINGS: dict[str, dict[str, Any]] = {
    "as trained": {},
    "cased": {"do_lower_case": False},
    "with accents": {"keep_accents": True},
    "as it is": {"do_lower_case": False, "keep_accents": True},
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("albert") / "spiece.model"
    train(path, **SPECIAL)
    return path


@pytest.fixture(params=SETTINGS)
def ours(model: Path, request: pytest.FixtureRequest) -> Any:
    return AlbertTokenizer(model, **SETTINGS[request.param])


def everything(tokenizer: Any, *texts: Any, **options: Any) -> Any:
    shown = dict.fromkeys(("offsets_mapping", "special_tokens_mask", "token_type_ids"), True)
    result = tokenizer(
        *texts, **{f"return_{key}": value for key, value in shown.items()}, **options
    )
    rows = range(len(result.encodings))
    found = {key: list(value) for key, value in result.items()}
    return found, [(result.word_ids(row), result.sequence_ids(row)) for row in rows]


def decoded(tokenizer: Any, rows: Any, *, skip: bool) -> list[str]:
    options = {"skip_special_tokens": skip, "clean_up_tokenization_spaces": False}
    texts: list[str] = tokenizer.batch_decode(rows, **options)
    return texts


def as_checkpoint(tokenizer: Any, folder: Path) -> Path:
    tokenizer.save_pretrained(folder)
    (folder / "config.json").write_text(json.dumps({"model_type": "albert"}))
    return folder


def is_vowel_sign(mark: str) -> bool:
    return unicodedata.category(mark) == "Mn" and not unicodedata.combining(mark)


@pytest.mark.skipif(IS_5, reason="transformers 5 has no tokenizer over sentencepiece")
def test_pieces_are_those_of_sentencepiece(ours: Any, model: Path) -> None:
    settings = {"do_lower_case": ours.do_lower_case, "keep_accents": ours.keep_accents}
    theirs = transformers.AlbertTokenizer(str(model), **settings)
    for text in (*TEXTS, *NUMBERS, *MASKED):
        if any(is_vowel_sign(mark) for mark in text) and not ours.keep_accents:
            continue  # which Python does not count among the accents, and tokenizers does
        found = ours.convert_ids_to_tokens(ours(text, add_special_tokens=False)["input_ids"])
        expected = ["<unk>" if t not in ours.get_vocab() else t for t in theirs.tokenize(text)]
        assert found == expected, text
        assert ours(text, "a b")["input_ids"] == theirs(text, "a b")["input_ids"], text


def test_files_that_we_write(ours: Any, tmp_path: Path) -> None:
    folder = as_checkpoint(ours, tmp_path)
    theirs = transformers.AlbertTokenizerFast.from_pretrained(folder)
    again = AutoTokenizer.from_pretrained(folder)
    assert type(again) is AlbertTokenizer
    assert (again.do_lower_case, again.keep_accents) == (ours.do_lower_case, ours.keep_accents)
    texts = [*TEXTS, *NUMBERS, *(() if IS_5 else MASKED)]
    for options in ({}, {"max_length": 9, "truncation": True, "padding": "max_length"}):
        expected = everything(theirs, texts, **options)
        assert everything(ours, texts, **options) == expected
        assert everything(again, texts, **options) == expected
    pairs = everything(theirs, texts, texts[::-1], padding=True)
    assert everything(ours, texts, texts[::-1], padding=True) == pairs
    rows = theirs(texts)["input_ids"]
    for skip in (False, True):
        assert decoded(ours, rows, skip=skip) == decoded(theirs, rows, skip=skip)
    for name in ("pad", "unk", "cls", "sep", "mask", "bos", "eos"):
        assert getattr(ours, f"{name}_token_id") == getattr(theirs, f"{name}_token_id"), name
    assert ours.get_vocab() == theirs.get_vocab()


@pytest.mark.parametrize("name", SETTINGS)
def test_files_that_they_write(name: str, ours: Any, tmp_path: Path) -> None:
    folder = as_checkpoint(ours, tmp_path / "ours")
    theirs = transformers.AlbertTokenizerFast.from_pretrained(folder)
    theirs.add_tokens(["addedword"])
    again = AutoTokenizer.from_pretrained(as_checkpoint(theirs, tmp_path / "theirs"))
    texts = [*TEXTS, *NUMBERS, *MASKED, "an addedword"]
    assert everything(again, texts) == everything(theirs, texts)
    # A caller's settings count beside a stored pipeline.
    restated = AlbertTokenizer.from_pretrained(tmp_path / "theirs", **SETTINGS[name])
    wanted = {"do_lower_case": ours.do_lower_case, "keep_accents": ours.keep_accents}
    made = AlbertTokenizer(ours.vocab_file, **{**wanted, **SETTINGS[name]})
    assert everything(restated, NUMBERS) == everything(made, NUMBERS)
