"""BART's tokenizer against transformers: ids, offsets, pairs, lengths, text, files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import transformers
from tokenizers import ByteLevelBPETokenizer

from automodel_bart.tokenization import BartTokenizer
from automodel_core import AutoTokenizer
from support.nasty_text import NASTY

TEXTS = [text for text in NASTY if len(text) < 200]
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
# As on the hub: without it, transformers 5 does not let the mask swallow a space.
SETTINGS = {
    "tokenizer_class": "BartTokenizer",
    "mask_token": {
        "__type": "AddedToken", "content": "<mask>", "lstrip": True, "rstrip": False,
        "normalized": True, "single_word": False, "special": True,
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bart")
    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator(NASTY, 500, special_tokens=SPECIAL, show_progress=False)
    trained.save_model(str(folder))
    (folder / "config.json").write_text(json.dumps({"model_type": "bart"}))
    (folder / "tokenizer_config.json").write_text(json.dumps(SETTINGS))
    return folder


@pytest.fixture(scope="module", params=[{}, {"add_prefix_space": True}, {"trim_offsets": False}])
def pair(folder: Path, request: pytest.FixtureRequest) -> tuple[Any, Any]:
    theirs = transformers.BartTokenizerFast.from_pretrained(folder, **request.param)
    return AutoTokenizer.from_pretrained(folder, **request.param), theirs


def everything(tokenizer: Any, *texts: Any, **options: Any) -> Any:
    shown = dict.fromkeys(("offsets_mapping", "special_tokens_mask", "token_type_ids"), True)
    result = tokenizer(
        *texts, **{f"return_{key}": value for key, value in shown.items()}, **options
    )
    rows = range(len(result.encodings))
    return (
        {key: list(value) for key, value in result.items()},
        [result.tokens(row) for row in rows],
        [result.word_ids(row) for row in rows],
        [result.sequence_ids(row) for row in rows],
    )


@pytest.mark.parametrize(
    "options",
    [
        {"padding": True},
        {"padding": "max_length", "truncation": True, "max_length": 14, "padding_side": "left"},
        {"truncation": True, "max_length": 9, "stride": 2, "return_overflowing_tokens": True},
        {"add_special_tokens": False},
    ],
    ids=str,
)
def test_batches_and_pairs(pair: tuple[Any, Any], options: dict[str, Any]) -> None:
    ours, theirs = pair
    assert everything(ours, TEXTS, **options) == everything(theirs, TEXTS, **options)
    options = {**options, **({"max_length": 120} if "max_length" in options else {})}
    assert everything(ours, TEXTS, TEXTS[::-1], **options) == everything(
        theirs, TEXTS, TEXTS[::-1], **options
    )


def test_single_texts_and_words(pair: tuple[Any, Any]) -> None:
    ours, theirs = pair
    for text in (*NASTY, "a <mask>.", "a<mask> b", "<s>x</s> <pad>"):
        assert everything(ours, text) == everything(theirs, text)
        assert ours.tokenize(text) == theirs.tokenize(text)
        words = text.split()
        if words and ours.add_prefix_space:
            options = {"is_split_into_words": True}
            assert everything(ours, words, **options) == everything(theirs, words, **options)


@pytest.mark.parametrize("skip", [False, True])
def test_decoded_text(pair: tuple[Any, Any], skip: bool) -> None:
    ours, theirs = pair
    rows = theirs(TEXTS)["input_ids"]
    options = {"skip_special_tokens": skip, "clean_up_tokenization_spaces": False}
    assert ours.batch_decode(rows, **options) == theirs.batch_decode(rows, **options)
    for row in rows:
        tokens = theirs.convert_ids_to_tokens(row)
        assert ours.convert_tokens_to_string(tokens) == theirs.convert_tokens_to_string(tokens)


def test_attributes(pair: tuple[Any, Any]) -> None:
    ours, theirs = pair
    for name in ("pad", "unk", "cls", "sep", "mask", "bos", "eos"):
        for key in (f"{name}_token", f"{name}_token_id"):
            assert getattr(ours, key) == getattr(theirs, key), key
    assert (len(ours), ours.vocab_size) == (len(theirs), theirs.vocab_size)
    assert ours.get_vocab() == theirs.get_vocab()
    assert ours.num_special_tokens_to_add(True) == theirs.num_special_tokens_to_add(True)
    assert list(ours.model_input_names) == list(theirs.model_input_names)


def test_files_go_both_ways(folder: Path, tmp_path: Path) -> None:
    ours, theirs = (
        AutoTokenizer.from_pretrained(folder),
        transformers.AutoTokenizer.from_pretrained(folder),
    )
    for one, other, place in (
        (ours, transformers.AutoTokenizer, "ours"),
        (theirs, AutoTokenizer, "theirs"),
    ):
        one.add_tokens(["addedword"])
        one.model_max_length = 77
        one.save_pretrained(tmp_path / place)
        (tmp_path / place / "config.json").write_text(json.dumps({"model_type": "bart"}))
        again = other.from_pretrained(tmp_path / place)
        texts = [*TEXTS, "an addedword<mask>"]
        assert everything(again, texts) == everything(one, texts)
        assert again.model_max_length == 77
        if other is AutoTokenizer:
            assert type(again) is BartTokenizer
