"""BERT's tokenizer from its vocabulary file, its settings, and back."""

from __future__ import annotations

import json
import logging

import pytest
from tokenizers import Tokenizer

from automodel_bert.tokenization import BertTokenizer, BertTokenizerFast
from automodel_core.errors import CheckpointFormatError, CheckpointNotFoundError, TokenizationError

WORDS = [
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    *("the", "dog", "run", "##s", "##ning", "caf", "##e", "##é", "The", "Dog", "do", "n", "'", "t"),
    *("東", "京", "東京", "!", "[", "]", "ABC", "a", "##b", "##c"),
]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "vocab.txt").write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    return tmp_path


def test_words_are_cut_into_pieces(folder):
    tokenizer = BertTokenizer.from_pretrained(folder)
    encoded = tokenizer("The dog runs!", "Café don't")
    first = ["[CLS]", "the", "dog", "run", "##s", "!", "[SEP]"]
    assert encoded.tokens() == [*first, "caf", "##e", "[UNK]", "'", "t", "[SEP]"]
    assert encoded["token_type_ids"] == [0] * 7 + [1] * 6
    assert tokenizer.decode(encoded["input_ids"][:7]) == "[CLS] the dog runs! [SEP]"
    assert tokenizer.vocab_size == len(WORDS)


@pytest.mark.parametrize(
    ("options", "text", "tokens"),
    [
        ({"do_lower_case": False}, "The Dog", ["The", "Dog"]),
        ({"do_lower_case": False}, "café", ["caf", "##é"]),
        ({"do_lower_case": False, "strip_accents": True}, "café", ["caf", "##e"]),
        ({"strip_accents": False}, "CAFÉ", ["caf", "##é"]),
        ({}, "東京", ["東", "京"]),
        ({"tokenize_chinese_chars": False}, "東京", ["東京"]),
        ({}, "ABC", ["a", "##b", "##c"]),
        ({"never_split": ["ABC"]}, "ABC", ["ABC"]),
        ({}, "the[MASK]dog", ["the", "[MASK]", "dog"]),
    ],
    ids=str,
)
def test_settings(folder, options, text, tokens):
    assert BertTokenizer.from_pretrained(folder, **options).tokenize(text) == tokens
    # The same from tokenizer.json, whose own settings the caller's override.
    BertTokenizer.from_pretrained(folder).save_pretrained(folder / "saved")
    again = BertTokenizer.from_pretrained(folder / "saved", **options)
    assert again.tokenize(text) == tokens
    again.save_pretrained(folder / "again")
    assert BertTokenizerFast.from_pretrained(folder / "again").tokenize(text) == tokens


def test_never_split_words_must_be_in_the_vocabulary(folder, caplog):
    with caplog.at_level(logging.WARNING):
        BertTokenizer(folder / "vocab.txt", never_split=["nowhere"])
    assert "never_split has words that the vocabulary lacks: ['nowhere']" in caplog.text


def test_every_way_to_construct_one(folder):
    vocabulary = {word: index for index, word in enumerate(WORDS)}
    saved = BertTokenizer.from_pretrained(folder).save_pretrained(folder / "saved")
    file = next(path for path in saved if path.endswith("tokenizer.json"))
    ways = [
        BertTokenizer(vocabulary),
        BertTokenizer(folder / "vocab.txt"),
        BertTokenizer(vocab_file=str(folder / "vocab.txt")),
        BertTokenizer(tokenizer_file=file),
        BertTokenizer(tokenizer_object=Tokenizer.from_file(file)),
        BertTokenizer.from_pretrained(folder / "vocab.txt"),
        BertTokenizer.from_pretrained(file),
    ]
    expected = ways[0](["The dog runs!", "a [MASK]"])
    assert all(way(["The dog runs!", "a [MASK]"]) == expected for way in ways)
    assert BertTokenizer().vocab_size == 5


def test_saved_files(folder):
    tokenizer = BertTokenizer.from_pretrained(folder, do_lower_case=False)
    tokenizer.save_pretrained(folder / "saved")
    assert (folder / "saved" / "vocab.txt").read_text(encoding="utf-8").split() == WORDS
    settings = json.loads((folder / "saved" / "tokenizer_config.json").read_text(encoding="utf-8"))
    assert settings["tokenizer_class"] == "BertTokenizer"
    assert settings["do_lower_case"] is False


def test_other_special_tokens(folder):
    (folder / "vocab.txt").write_text("\n".join([*WORDS, "<c>", "<s>"]), encoding="utf-8")
    tokenizer = BertTokenizer.from_pretrained(folder, cls_token="<c>", sep_token="<s>")
    assert tokenizer("the").tokens() == ["<c>", "the", "<s>"]


def test_bad_vocabularies(folder):
    (folder / "none").mkdir()
    with pytest.raises(CheckpointNotFoundError, match=r"needs vocab\.txt or tokenizer\.json"):
        BertTokenizer.from_pretrained(folder / "none")
    with pytest.raises(CheckpointNotFoundError, match="no vocabulary file"):
        BertTokenizer(folder / "missing.txt")
    (folder / "vocab.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(CheckpointFormatError, match="is not UTF-8"):
        BertTokenizer.from_pretrained(folder)
    with pytest.raises(TokenizationError, match="building BertTokenizer failed"):
        BertTokenizer({"the": -1})
