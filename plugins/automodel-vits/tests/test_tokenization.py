"""VITS's tokenizer alone: blanks, letters that are unknown, and files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from automodel_core import AutoTokenizer
from automodel_core.errors import TokenizationError
from automodel_vits import VitsTokenizer

LETTERS = [*"k abcdgot", "<unk>"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "vocab.json").write_text(json.dumps({x: i for i, x in enumerate(LETTERS)}))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "vits"}))
    settings = {"phonemize": False, "pad_token": "k", "language": "eng"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    return tmp_path


def test_blanks_stand_around_each_letter(folder: Path) -> None:
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    assert type(tokenizer) is VitsTokenizer
    assert tokenizer.tokenize("A dog!") == [*"kak kdkokgk"]
    assert tokenizer("A dog!")["input_ids"][:3] == [0, 2, 0]
    assert tokenizer.decode(tokenizer("A dog!")["input_ids"]) == "a dog"
    both = tokenizer(["dog", "a"], padding=True)
    assert both["attention_mask"] == [[1] * 7, [1, 1, 1, 0, 0, 0, 0]]
    plain = VitsTokenizer.from_pretrained(folder, add_blank=False, normalize=False)
    assert plain.tokenize("a!d") == ["a", "<unk>", "d"]
    assert plain("a!d", normalize=True)["input_ids"] == [2, 5]


def test_files_keep_the_settings(folder: Path) -> None:
    tokenizer = VitsTokenizer.from_pretrained(folder, add_blank=False, language="ron")
    tokenizer.save_pretrained(folder / "saved")
    written = json.loads((folder / "saved" / "tokenizer_config.json").read_text("utf-8"))
    assert written["tokenizer_class"] == "VitsTokenizer"
    again: Any = AutoTokenizer.from_pretrained(folder / "saved")
    assert (again.add_blank, again.language, again.phonemize) == (False, "ron", False)
    assert again("a dog") == tokenizer("a dog")
    assert json.loads((folder / "saved" / "vocab.json").read_text("utf-8"))["k"] == 0


def test_a_damaged_vocabulary_is_named(folder: Path) -> None:
    (folder / "vocab.json").write_text("{")
    with pytest.raises(TokenizationError, match=r"vocab\.json"):
        VitsTokenizer.from_pretrained(folder)
