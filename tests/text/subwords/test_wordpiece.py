"""The WordPiece brick: what a subclass states, and what follows from it."""

from __future__ import annotations

import json
from typing import ClassVar

import pytest
from tokenizers import decoders

from automodel_core.errors import CheckpointFormatError, CheckpointNotFoundError, TokenizationError
from automodel_core.text.subwords.wordpiece import WordPieceTokenizer

WORDS = ["[UNK]", "[SEP]", "a", "##b", "é", "e", "É", ".", "<s>"]


class Plain(WordPieceTokenizer):
    vocab_files_names: ClassVar = {"vocab_file": "words.txt", "tokenizer_file": "tokenizer.json"}
    default_tokens: ClassVar = {"unk_token": "[UNK]", "sep_token": "[SEP]"}


class Composing(Plain):
    composes = True
    first_token = "bos_token"
    default_tokens: ClassVar = {**Plain.default_tokens, "bos_token": "<s>"}
    decoder = decoders.WordPiece(prefix="##", cleanup=False)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "words.txt").write_text("\r\n".join(WORDS) + "\r\n", encoding="utf-8")
    return tmp_path


def test_special_tokens_stand_where_the_class_says(folder):
    plain = Plain.from_pretrained(folder)
    assert plain("ab", "a").tokens() == ["a", "##b", "[SEP]", "a", "[SEP]"]
    assert plain("ab", "a", return_token_type_ids=True)["token_type_ids"] == [0, 0, 0, 1, 1]
    composing = Composing.from_pretrained(folder)
    assert composing("ab", "a").tokens() == ["<s>", "a", "##b", "[SEP]", "a", "[SEP]"]


@pytest.mark.parametrize(
    ("kind", "options", "text", "tokens"),
    [
        (Plain, {"do_lower_case": False}, "e\u0301", ["[UNK]"]),
        (Composing, {"do_lower_case": False}, "e\u0301", ["é"]),
        (Composing, {"do_lower_case": False}, "E\u0301", ["É"]),
        (Composing, {"strip_accents": False}, "E\u0301", ["é"]),
        (Composing, {}, "E\u0301", ["e"]),
        (Plain, {}, "É", ["e"]),
    ],
)
def test_characters_and_their_marks(folder, kind, options, text, tokens):
    tokenizer = kind.from_pretrained(folder, **options)
    assert tokenizer.tokenize(text) == tokens
    tokenizer.save_pretrained(folder / "saved")
    assert kind.from_pretrained(folder / "saved").tokenize(text) == tokens
    again = kind.from_pretrained(folder / "saved", do_lower_case=True, strip_accents=True)
    assert again.tokenize(text) == ["e"]


def test_decoders_are_the_class_s(folder):
    for kind, text in ((Plain, "ab."), (Composing, "ab .")):
        tokenizer = kind.from_pretrained(folder)
        assert tokenizer.decode(tokenizer("ab.")["input_ids"], skip_special_tokens=True) == text


def test_words_in_the_vocabulary_may_be_kept_whole(folder, caplog):
    tokenizer = Plain.from_pretrained(folder, never_split=["É", "nowhere"])
    assert tokenizer.tokenize("É") == ["É"]
    assert "nowhere" in caplog.text


def test_a_file_with_another_normaliser_keeps_it(folder):
    tokenizer = Plain.from_pretrained(folder)
    tokenizer.backend_tokenizer.normalizer = None
    tokenizer.save_pretrained(folder / "saved")
    again = Plain.from_pretrained(folder / "saved", do_lower_case=True)
    assert again.tokenize("É") == ["É"]
    names = json.loads((folder / "saved" / "tokenizer.json").read_text(encoding="utf-8"))
    assert names["normalizer"] is None


def test_each_token_is_saved_on_the_line_of_its_id(folder):
    tokenizer = Plain({"[UNK]": 0, "[SEP]": 1, "a": 4})
    tokenizer.add_tokens(["more"])
    (path,) = tokenizer.save_vocabulary(folder, "some")
    assert path == str(folder / "some-words.txt")
    assert (folder / "some-words.txt").read_bytes() == b"[UNK]\n[SEP]\n\n\na\n"
    assert Plain(path).convert_tokens_to_ids(["[SEP]", "a"]) == [1, 4]


def test_wrong_vocabularies_say_what_is_wrong(folder):
    with pytest.raises(CheckpointNotFoundError, match="no vocabulary file"):
        Plain(folder / "missing.txt")
    (folder / "words.txt").write_bytes(b"\xff")
    with pytest.raises(CheckpointFormatError, match="is not UTF-8"):
        Plain.from_pretrained(folder)
    with pytest.raises(TokenizationError, match="building Plain failed"):
        Plain({"a": -1})
    with pytest.raises(TokenizationError, match="Plain needs a sep_token"):
        Plain({"[UNK]": 0}, sep_token=None)


def test_a_token_that_is_there_twice_is_named(folder, caplog):
    Plain.from_pretrained(folder)
    assert caplog.text == ""
    (folder / "words.txt").write_text("\n".join([*WORDS, "a", "##b"]), encoding="utf-8")
    tokenizer = Plain.from_pretrained(folder)
    assert "has 2 tokens more than once, the last place counts: 'a', '##b'" in caplog.text
    assert tokenizer.convert_tokens_to_ids("a") == len(WORDS)
