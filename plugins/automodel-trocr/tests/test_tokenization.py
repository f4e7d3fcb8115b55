"""The tokenizers that TrOCR's checkpoints name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from automodel_core import AutoTokenizer
from automodel_core.errors import CheckpointNotFoundError
from automodel_core.families.fairseq import FramedPieces
from automodel_core.text import FramedByteLevelTokenizer
from automodel_trocr import (
    RobertaTokenizer,
    RobertaTokenizerFast,
    XLMRobertaTokenizer,
    XLMRobertaTokenizerFast,
)


def test_byte_level_texts_and_pairs(bpe_folder: Path) -> None:
    tokenizer = RobertaTokenizer.from_pretrained(bpe_folder)
    one, two = tokenizer("The cat"), tokenizer("The cat", "sat on")
    assert one.tokens()[0] == "<s>"
    assert one.tokens()[-1] == "</s>"
    length = len(one["input_ids"])
    assert two["input_ids"][:length] == one["input_ids"]
    assert two.tokens()[length - 1 : length + 1] == ["</s>", "</s>"]
    assert tokenizer.decode(one["input_ids"], skip_special_tokens=True) == "The cat"
    spaced, joined = (tokenizer.encode(f"the{gap}<mask>.") for gap in (" ", ""))
    assert spaced == joined


def test_pieces_are_in_the_order_of_fairseq(pieces_folder: Path) -> None:
    tokenizer = XLMRobertaTokenizer.from_pretrained(pieces_folder)
    tokens = ["<s>", "<pad>", "</s>", "<unk>", "▁read", ".", "<mask>"]
    assert tokenizer.convert_tokens_to_ids(tokens) == [0, 1, 2, 3, 4, 15, 16]
    assert len(tokenizer) == 17
    assert tokenizer("read this").tokens() == ["<s>", "▁read", "▁this", "</s>"]
    pair = tokenizer("read", "this").tokens()
    assert pair == ["<s>", "▁read", "</s>", "</s>", "▁this", "</s>"]
    assert tokenizer.decode([0, 4, 5, 2], skip_special_tokens=True) == "read this"
    assert tokenizer.num_special_tokens_to_add(pair=True) == 4


KINDS = {
    "bpe_folder": (RobertaTokenizer, FramedByteLevelTokenizer),
    "pieces_folder": (XLMRobertaTokenizer, FramedPieces),
}


@pytest.mark.parametrize("name", KINDS)
def test_the_name_in_the_files_decides(name: str, request: pytest.FixtureRequest) -> None:
    # Another plugin may provide a tokenizer of the same name.
    folder, (kind, base) = request.getfixturevalue(name), KINDS[name]
    found = AutoTokenizer.from_pretrained(folder)
    assert isinstance(found, base)
    assert found("read")["input_ids"] == kind.from_pretrained(folder)("read")["input_ids"]


@pytest.mark.parametrize("name", KINDS)
def test_saved_files_load_again(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    kind: Any = KINDS[name][0]
    tokenizer = kind.from_pretrained(request.getfixturevalue(name))
    paths = {Path(path).name for path in tokenizer.save_pretrained(tmp_path / "saved")}
    assert "tokenizer.json" in paths
    assert paths & {"vocab.json", "sentencepiece.bpe.model"}
    settings = json.loads((tmp_path / "saved" / "tokenizer_config.json").read_text())
    assert settings["tokenizer_class"] == kind.__name__
    again = kind.from_pretrained(tmp_path / "saved")
    assert again("read this.")["input_ids"] == tokenizer("read this.")["input_ids"]


def test_other_special_tokens(pieces_folder: Path) -> None:
    tokenizer = XLMRobertaTokenizer.from_pretrained(pieces_folder, cls_token="▁this", sep_token=".")
    assert tokenizer("read").tokens() == ["▁this", "▁read", "."]


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointNotFoundError, match=r"needs vocab\.json"):
        RobertaTokenizer.from_pretrained(tmp_path)
    with pytest.raises(CheckpointNotFoundError, match=r"needs sentencepiece\.bpe\.model"):
        XLMRobertaTokenizer.from_pretrained(tmp_path)


def test_the_fast_names_are_the_same() -> None:
    assert RobertaTokenizerFast is RobertaTokenizer
    assert XLMRobertaTokenizerFast is XLMRobertaTokenizer
