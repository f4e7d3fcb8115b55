"""LayoutLM's tokenizers give what boxes are laid beside: words, sequences, chunks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from automodel_core import AutoTokenizer
from automodel_layoutlm import LayoutLMTokenizer
from automodel_layoutlm.tokenization import BertTokenizer, RobertaTokenizer

WORDPIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "to", "in", "##to", "?", "$"]
BYTES = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "Ġ", "t", "o", "Ġt", "Ġto", "i", "Ġi", "?"]
MERGES = ["Ġ t", "Ġt o", "Ġ i"]


@pytest.fixture(params=["LayoutLMTokenizer", "BertTokenizer", None, "RobertaTokenizer"])
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    named = {} if request.param is None else {"tokenizer_class": request.param}
    if request.param == "RobertaTokenizer":
        named["add_prefix_space"] = True
        vocabulary = {piece: index for index, piece in enumerate(BYTES)}
        (tmp_path / "vocab.json").write_text(json.dumps(vocabulary), "utf-8")
        (tmp_path / "merges.txt").write_text("\n".join(["#version: 0.2", *MERGES]), "utf-8")
    else:
        (tmp_path / "vocab.txt").write_text("\n".join(WORDPIECES), "utf-8")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "layoutlm"}))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(named))
    return tmp_path


def test_chunks_of_a_page_say_whose_their_tokens_are(folder: Path, tmp_path: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    words = ["into", "to", "?", "in", "to"]
    encoded = tokenizer(
        ["to", "?"], words, is_split_into_words=True, truncation="only_second", max_length=10,
        stride=2, return_overflowing_tokens=True, padding="max_length",
    )  # fmt: skip
    assert len(encoded["input_ids"]) > 1
    assert set(encoded["overflow_to_sample_mapping"]) == {0}
    seen = set()
    for row in range(len(encoded["input_ids"])):
        sequences, owners = encoded.sequence_ids(row), encoded.word_ids(row)
        assert {o for s, o in zip(sequences, owners, strict=True) if s == 0} == {0, 1}
        seen |= {o for s, o in zip(sequences, owners, strict=True) if s == 1}
    assert seen == set(range(5))
    tokenizer.save_pretrained(tmp_path / "saved")
    (tmp_path / "saved" / "config.json").write_text(json.dumps({"model_type": "layoutlm"}))
    again = AutoTokenizer.from_pretrained(tmp_path / "saved")
    assert type(again) is type(tokenizer)
    assert again(words, is_split_into_words=True) == tokenizer(words, is_split_into_words=True)


def test_the_class_is_the_checkpoints(folder: Path) -> None:
    named = json.loads((folder / "tokenizer_config.json").read_text()).get("tokenizer_class")
    kinds = {"BertTokenizer": BertTokenizer, "RobertaTokenizer": RobertaTokenizer}
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert type(tokenizer) is kinds.get(named, LayoutLMTokenizer)
