"""DeBERTa's tokenizers against transformers: pieces, offsets, pairs, text, files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from unicodedata import normalize

import pytest
import transformers
from tokenizers import ByteLevelBPETokenizer

from automodel_core import AutoTokenizer
from automodel_deberta import DebertaTokenizer, DebertaV2Tokenizer
from support.nasty_text import NASTY
from support.parity import IS_5
from support.sentencepieces import TEXTS, train

TOKENS = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]
SPECIAL = {
    "pad_id": 0, "pad_piece": "[PAD]", "bos_id": 1, "bos_piece": "[CLS]", "eos_id": 2,
    "eos_piece": "[SEP]", "unk_id": 3, "unk_piece": "[UNK]",
}  # fmt: skip
MASKED = ["a [MASK].", "a[MASK] b", "(1,000) and CAFÉ, it's: so-called"]
SHORT = [text for text in NASTY if len(text) < 200]
SETTINGS: dict[str, dict[str, Any]] = {
    "as trained": {},
    "lower case": {"do_lower_case": True},
    "split": {"split_by_punct": True},
}


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


def as_checkpoint(tokenizer: Any, folder: Path, model_type: str) -> Path:
    tokenizer.save_pretrained(folder)
    (folder / "config.json").write_text(json.dumps({"model_type": model_type}))
    return folder


# ---- the first version ----


@pytest.fixture(scope="module")
def bytes_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("deberta")
    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator(NASTY, 500, special_tokens=TOKENS, show_progress=False)
    trained.save_model(str(folder))
    (folder / "config.json").write_text(json.dumps({"model_type": "deberta"}))
    (folder / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": False}))
    return folder


@pytest.mark.skipif(IS_5, reason="transformers 5 gives pairs no types and two separators")
@pytest.mark.parametrize("options", [{}, {"add_prefix_space": True}], ids=str)
def test_bytes(bytes_folder: Path, options: dict[str, Any]) -> None:
    ours = AutoTokenizer.from_pretrained(bytes_folder, **options)
    theirs = transformers.DebertaTokenizerFast.from_pretrained(bytes_folder, **options)
    assert type(ours) is DebertaTokenizer
    texts = [*SHORT, *MASKED]
    for more in ({}, {"max_length": 9, "truncation": True, "padding": "max_length"}):
        assert everything(ours, texts, **more) == everything(theirs, texts, **more)
    pairs = everything(theirs, texts, texts[::-1], padding=True)
    assert everything(ours, texts, texts[::-1], padding=True) == pairs
    rows = theirs(texts)["input_ids"]
    for skip in (False, True):
        assert decoded(ours, rows, skip=skip) == decoded(theirs, rows, skip=skip)
    assert list(ours.model_input_names) == list(theirs.model_input_names)


def test_files_of_bytes(bytes_folder: Path, tmp_path: Path) -> None:
    ours = AutoTokenizer.from_pretrained(bytes_folder)
    theirs = transformers.AutoTokenizer.from_pretrained(
        as_checkpoint(ours, tmp_path / "ours", "deberta")
    )
    texts = [*SHORT, "a [MASK]."]
    assert theirs(texts)["input_ids"] == ours(texts)["input_ids"]
    theirs.add_tokens(["addedword"])
    again = AutoTokenizer.from_pretrained(as_checkpoint(theirs, tmp_path / "theirs", "deberta"))
    assert type(again) is DebertaTokenizer
    texts += ["an addedword"]
    assert again(texts)["input_ids"] == theirs(texts)["input_ids"]


# ---- the second version and the third ----


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("deberta-v2") / "spm.model"
    train(path, **SPECIAL)
    return path


@pytest.fixture(params=SETTINGS)
def ours(model: Path, request: pytest.FixtureRequest) -> Any:
    return DebertaV2Tokenizer(model, **SETTINGS[request.param])


def test_the_unknown_is_special_whatever_the_case(ours: Any) -> None:
    assert ours.convert_ids_to_tokens(ours.all_special_ids) == ours.all_special_tokens
    assert ours.decode([ours.unk_token_id] * 2, skip_special_tokens=True) == ""


@pytest.mark.skipif(IS_5, reason="transformers 5 has no tokenizer over sentencepiece")
def test_pieces_are_those_of_sentencepiece(ours: Any, model: Path) -> None:
    settings = {"do_lower_case": ours.do_lower_case, "split_by_punct": ours.split_by_punct}
    theirs = transformers.DebertaV2Tokenizer(str(model), **settings)
    for text in (*TEXTS, *MASKED):
        if ours.split_by_punct and (normalize("NFKC", text) != text or not text.isprintable()):
            continue  # this class of the reference splits before it normalises, its fast one after
        found = ours(text, "a b")["input_ids"]
        assert found == theirs(text, "a b")["input_ids"], text
    assert ours.mask_token_id == theirs.mask_token_id == len(theirs.vocab)


@pytest.mark.skipif(IS_5, reason="transformers 5 normalises without the model's table")
def test_files_that_we_write(ours: Any, tmp_path: Path) -> None:
    folder = as_checkpoint(ours, tmp_path, "deberta-v2")
    theirs = transformers.DebertaV2TokenizerFast.from_pretrained(folder)
    again = AutoTokenizer.from_pretrained(folder)
    assert type(again) is DebertaV2Tokenizer
    texts = [*TEXTS, *MASKED]
    for options in ({}, {"max_length": 9, "truncation": True, "padding": "max_length"}):
        expected = everything(theirs, texts, **options)
        assert everything(ours, texts, **options) == expected
        assert everything(again, texts, **options) == expected
    rows = theirs(texts)["input_ids"]
    for skip in (False, True):
        assert decoded(ours, rows, skip=skip) == decoded(theirs, rows, skip=skip)
    for name in ("pad", "unk", "cls", "sep", "mask", "bos", "eos"):
        assert getattr(ours, f"{name}_token_id") == getattr(theirs, f"{name}_token_id"), name


def test_files_that_they_write(ours: Any, tmp_path: Path) -> None:
    folder = as_checkpoint(ours, tmp_path / "ours", "deberta-v2")
    theirs = transformers.DebertaV2TokenizerFast.from_pretrained(folder)
    theirs.add_tokens(["addedword"])
    folder = as_checkpoint(theirs, tmp_path / "theirs", "deberta-v2")
    again = AutoTokenizer.from_pretrained(folder)
    assert type(again) is DebertaV2Tokenizer
    texts = [*TEXTS, *MASKED, "an addedword"]
    assert everything(again, texts) == everything(theirs, texts)
    assert again.do_lower_case == ours.do_lower_case
    # A caller's settings count beside a stored pipeline.
    split = DebertaV2Tokenizer.from_pretrained(folder, split_by_punct=True)
    parts = [split.tokenize(part) for part in ("so", "-", "called")]
    assert split.tokenize("so-called") == [token for part in parts for token in part]
