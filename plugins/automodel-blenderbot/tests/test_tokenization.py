"""Blenderbot's tokenizer: a space before texts, an end behind them, files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tokenizers import ByteLevelBPETokenizer

from automodel_blenderbot import BlenderbotTokenizer, BlenderbotTokenizerFast
from automodel_core import AutoTokenizer
from automodel_core.errors import TokenizationError

LINES = ["The cat sat on the mat.", "A dog, too: the log!", "Größe 東京"] * 20
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("blenderbot")
    trained = ByteLevelBPETokenizer(add_prefix_space=True)
    trained.train_from_iterator(LINES, 330, special_tokens=SPECIAL, show_progress=False)
    trained.save_model(str(folder))
    (folder / "config.json").write_text(json.dumps({"model_type": "blenderbot"}))
    return folder


def test_a_text_begins_with_a_space_and_has_an_end(folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert type(tokenizer) is BlenderbotTokenizer is BlenderbotTokenizerFast
    assert tokenizer("The cat").tokens() == ["ĠThe", "Ġcat", "</s>"]
    assert tokenizer("The cat") == tokenizer(" The cat")
    assert list(tokenizer("A")) == ["input_ids", "attention_mask"]
    assert tokenizer.decode(tokenizer("The cat")["input_ids"], skip_special_tokens=True) == (
        " The cat"
    )
    turns = tokenizer("The cat  A dog").tokens()
    assert turns == ["ĠThe", "Ġcat", "Ġ", "ĠA", "Ġdog", "</s>"]


def test_pairs_are_joined_as_they_stand(folder: Path) -> None:
    tokenizer = BlenderbotTokenizer.from_pretrained(folder)
    pair = tokenizer("The", "cat", return_token_type_ids=True)
    assert pair.tokens() == ["ĠThe", "Ġcat"]
    assert pair["token_type_ids"] == [0, 1]


def test_a_mask_swallows_the_space_before_it(folder: Path) -> None:
    tokenizer = BlenderbotTokenizer.from_pretrained(folder)
    assert tokenizer("The <mask>")["input_ids"] == tokenizer("The<mask>")["input_ids"]


def test_without_an_end_nothing_is_said(folder: Path) -> None:
    with pytest.raises(TokenizationError, match="eos_token"):
        BlenderbotTokenizer.from_pretrained(folder, eos_token=None)


def test_saved_files_come_back_the_same(folder: Path, tmp_path: Path) -> None:
    tokenizer = BlenderbotTokenizer.from_pretrained(folder, model_max_length=128)
    tokenizer.save_pretrained(tmp_path)
    settings = json.loads((tmp_path / "tokenizer_config.json").read_text(encoding="utf-8"))
    assert settings["tokenizer_class"] == "BlenderbotTokenizer"
    assert AutoTokenizer.from_pretrained(tmp_path)(LINES) == tokenizer(LINES)
    (tmp_path / "tokenizer.json").unlink()
    assert AutoTokenizer.from_pretrained(tmp_path)(LINES) == tokenizer(LINES)


def test_an_end_that_a_file_leaves_out_is_added(folder: Path, tmp_path: Path) -> None:
    tokenizer = BlenderbotTokenizer.from_pretrained(folder)
    tokenizer.save_pretrained(tmp_path)
    content = json.loads((tmp_path / "tokenizer.json").read_text(encoding="utf-8"))
    content["post_processor"] = None
    (tmp_path / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    assert BlenderbotTokenizer.from_pretrained(tmp_path)(LINES) == tokenizer(LINES)
