"""MPNet's tokenizer from its files, and back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from automodel_core import AutoTokenizer
from automodel_core.errors import CheckpointNotFoundError
from automodel_mpnet import MPNetTokenizer, MPNetTokenizerFast

WORDS = ["<s>", "<pad>", "</s>", "<unk>", "the", "dog", "run", "##s", "[UNK]", "<mask>"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "vocab.txt").write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    return tmp_path


def test_texts_and_pairs(folder: Path) -> None:
    tokenizer = MPNetTokenizer.from_pretrained(folder)
    encoded = tokenizer("The dog runs", "cat")
    expected = ["<s>", "the", "dog", "run", "##s", "</s>", "</s>", "[UNK]", "</s>"]
    assert encoded.tokens() == expected
    assert set(encoded) == {"input_ids", "attention_mask"}
    assert set(tokenizer("a", "b", return_token_type_ids=True)["token_type_ids"]) == {0}
    assert tokenizer("the <mask> dog")["input_ids"] == [0, 4, 9, 5, 2]
    assert tokenizer("the <mask>", return_offsets_mapping=True)["offset_mapping"][2] == (4, 10)
    assert tokenizer.decode([0, 4, 5, 2], skip_special_tokens=True) == "the dog"


def test_files(folder: Path) -> None:
    tokenizer = MPNetTokenizer.from_pretrained(folder, do_lower_case=False)
    tokenizer.save_pretrained(folder / "saved")
    settings = json.loads((folder / "saved" / "tokenizer_config.json").read_text("utf-8"))
    assert settings["tokenizer_class"] == "MPNetTokenizer"
    assert (folder / "saved" / "vocab.txt").read_text("utf-8").split() == WORDS
    again = AutoTokenizer.from_pretrained(folder / "saved")
    assert isinstance(again, MPNetTokenizer)
    assert again.tokenize("The") == ["[UNK]"]


def test_without_files_the_special_tokens_are_the_vocabulary() -> None:
    tokenizer = MPNetTokenizer()
    tokens = ["<s>", "<pad>", "</s>", "[UNK]", "<mask>"]
    assert tokenizer.get_vocab() == {token: index for index, token in enumerate(tokens)}
    assert MPNetTokenizerFast is MPNetTokenizer


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointNotFoundError, match=r"needs vocab\.txt or tokenizer\.json"):
        MPNetTokenizer.from_pretrained(tmp_path)
