"""The tokenizers from their files, and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from automodel_core.errors import CheckpointNotFoundError
from automodel_roberta import (
    CamembertTokenizer,
    CamembertTokenizerFast,
    RobertaTokenizer,
    RobertaTokenizerFast,
    XLMRobertaTokenizer,
    XLMRobertaTokenizerFast,
)

KINDS: dict[str, Any] = {
    "roberta": RobertaTokenizer,
    "xlm-roberta": XLMRobertaTokenizer,
    "camembert": CamembertTokenizer,
}


@pytest.fixture
def files(request: pytest.FixtureRequest, name: str) -> Path:
    folder: Path = request.getfixturevalue("bpe_folder" if name == "roberta" else "pieces_folder")
    return folder


@pytest.mark.parametrize("name", KINDS)
def test_texts_and_pairs(name: str, files: Path) -> None:
    tokenizer = KINDS[name].from_pretrained(files)
    one, two = tokenizer("read this"), tokenizer("read this", "read")
    assert (one.tokens()[0], one.tokens()[-1]) == ("<s>", "</s>")
    length = len(one["input_ids"])
    assert two["input_ids"][:length] == one["input_ids"]
    assert two.tokens()[length - 1 : length + 1] == ["</s>", "</s>"]
    assert set(one) == {"input_ids", "attention_mask"}
    assert set(tokenizer("a", "b", return_token_type_ids=True)["token_type_ids"]) == {0}
    assert tokenizer.decode(one["input_ids"], skip_special_tokens=True) == "read this"
    spaced, joined = (tokenizer.encode(f"read{gap}<mask>.") for gap in (" ", ""))
    assert spaced == joined


def test_spaces_of_roberta(bpe_folder: Path) -> None:
    tokenizer = RobertaTokenizer.from_pretrained(bpe_folder)
    assert tokenizer.tokenize("cat") != tokenizer.tokenize(" cat")
    spaced = RobertaTokenizer.from_pretrained(bpe_folder, add_prefix_space=True)
    assert spaced.tokenize("cat") == tokenizer.tokenize(" cat")
    for trim, start in ((True, 4), (False, 3)):
        trimmed = RobertaTokenizer.from_pretrained(bpe_folder, trim_offsets=trim)
        offsets = trimmed("The cat", return_offsets_mapping=True)["offset_mapping"]
        assert (start, 7) in [tuple(each) for each in offsets]


def test_words_begin_with_a_space(bpe_folder: Path) -> None:
    pytest.importorskip("numpy", reason="the tokenizers package takes words by NumPy")
    spaced = RobertaTokenizer.from_pretrained(bpe_folder, add_prefix_space=True)
    words = spaced([["The", "cat"]], is_split_into_words=True)
    assert words["input_ids"] == [
        RobertaTokenizer.from_pretrained(bpe_folder)(" The cat")["input_ids"]
    ]


def test_the_order_of_xlm_roberta(pieces_folder: Path) -> None:
    tokenizer = XLMRobertaTokenizer.from_pretrained(pieces_folder)
    tokens = ["<s>", "<pad>", "</s>", "<unk>", "▁read", ".", "<mask>"]
    assert tokenizer.convert_tokens_to_ids(tokens) == [0, 1, 2, 3, 4, 15, 16]
    assert tokenizer.convert_tokens_to_ids("never seen") == tokenizer.unk_token_id == 3


def test_the_order_of_camembert(pieces_folder: Path) -> None:
    tokenizer = CamembertTokenizer.from_pretrained(pieces_folder)
    tokens = ["<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>", "<unk>NOTUSED", "<s>", "</s>", "▁read"]
    assert tokenizer.convert_tokens_to_ids(tokens) == [0, 1, 2, 3, 4, 5, 6, 7]
    assert tokenizer.mask_token_id == len(tokenizer) - 1 == 19
    assert tokenizer("read é")["input_ids"] == [5, 7, 9, 3, 6]
    assert "<s>NOTUSED" in tokenizer.all_special_tokens
    assert CamembertTokenizer().convert_tokens_to_ids(tokens[:7]) == [0, 1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("name", KINDS)
def test_saved_files_load_again(name: str, files: Path, tmp_path: Path) -> None:
    tokenizer = KINDS[name].from_pretrained(files)
    paths = {Path(path).name for path in tokenizer.save_pretrained(tmp_path / "saved")}
    assert "tokenizer.json" in paths
    assert paths & {"vocab.json", "sentencepiece.bpe.model"}
    settings = json.loads((tmp_path / "saved" / "tokenizer_config.json").read_text())
    assert settings["tokenizer_class"] == KINDS[name].__name__
    again = KINDS[name].from_pretrained(tmp_path / "saved")
    assert again("read this.")["input_ids"] == tokenizer("read this.")["input_ids"]
    assert again.all_special_tokens == tokenizer.all_special_tokens


@pytest.mark.parametrize("name", KINDS)
def test_missing_files_are_named(name: str, tmp_path: Path) -> None:
    file = r"vocab\.json" if name == "roberta" else r"sentencepiece\.bpe\.model"
    with pytest.raises(CheckpointNotFoundError, match=f"needs {file}"):
        KINDS[name].from_pretrained(tmp_path)


def test_the_fast_names_are_the_same() -> None:
    assert RobertaTokenizerFast is RobertaTokenizer
    assert XLMRobertaTokenizerFast is XLMRobertaTokenizer
    assert CamembertTokenizerFast is CamembertTokenizer
