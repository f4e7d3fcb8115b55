"""T5's tokenizer from its SentencePiece model, its sentinels, and back."""

from __future__ import annotations

import json
import struct

import pytest

from automodel_core.errors import CheckpointNotFoundError, TokenizationError
from automodel_t5.tokenization import T5Tokenizer, T5TokenizerFast

PIECES = [
    ("<pad>", 0.0, 3),
    ("</s>", 0.0, 3),
    ("<unk>", 0.0, 2),
    ("▁the", -2.0, 1),
    ("▁house", -3.0, 1),
    ("▁is", -2.5, 1),
    ("▁", -4.0, 1),
    *((letter, -5.0 - index / 10, 1) for index, letter in enumerate("abdehiostu.")),
    ("<usr>", 0.0, 4),
]


def varint(value: int) -> bytes:
    head = b""
    while value > 0x7F:
        head += bytes([value & 0x7F | 0x80])
        value >>= 7
    return head + bytes([value])


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def spiece_model(pieces) -> bytes:
    """Write the part of SentencePiece's format that a unigram model needs."""
    content = b""
    for text, score, kind in pieces:
        inner = field(1, text.encode()) + b"\x15" + struct.pack("<f", score)
        content += field(1, inner + b"\x18" + varint(kind))
    trainer = b"\x18\x01" + varint(40 << 3) + b"\x02"
    return content + field(2, trainer) + field(3, b"\x18\x01\x20\x01")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "spiece.model").write_bytes(spiece_model(PIECES))
    return tmp_path


def test_text_and_pairs(folder):
    tokenizer = T5Tokenizer.from_pretrained(folder)
    encoded = tokenizer("the  house is", "the.")
    assert encoded.tokens() == ["▁the", "▁house", "▁is", "</s>", "▁the", ".", "</s>"]
    assert list(encoded) == ["input_ids", "attention_mask"]
    assert tokenizer.decode(encoded["input_ids"], skip_special_tokens=True) == "the house is the."
    assert tokenizer("the", text_target="is")["labels"] == [5, 1]


def test_sentinels_count_down_from_the_end(folder):
    tokenizer = T5Tokenizer.from_pretrained(folder)
    size = len(PIECES)
    assert len(tokenizer) == tokenizer.vocab_size == size + 100
    assert tokenizer.convert_tokens_to_ids(["<extra_id_0>", "<extra_id_99>"]) == [size + 99, size]
    assert tokenizer.get_sentinel_tokens() == [f"<extra_id_{index}>" for index in range(100)]
    assert tokenizer.get_sentinel_token_ids() == list(range(size + 99, size - 1, -1))
    tokens = tokenizer("the<extra_id_0>house <extra_id_1>.").tokens()
    assert tokens == ["▁the", "<extra_id_0>", "▁house", "<extra_id_1>", "▁", ".", "</s>"]
    ids = tokenizer("the <extra_id_0>")["input_ids"]
    assert tokenizer.decode(ids, skip_special_tokens=True) == "the"


def test_without_sentinels_as_in_mt5(folder):
    tokenizer = T5Tokenizer.from_pretrained(folder, extra_ids=0, additional_special_tokens=None)
    assert len(tokenizer) == len(PIECES)
    assert tokenizer.get_sentinel_tokens() == []


def test_sentinels_that_contradict_their_number(folder):
    with pytest.raises(TokenizationError, match="contradict each other"):
        T5Tokenizer.from_pretrained(
            folder, extra_ids=3, additional_special_tokens=["<extra_id_0>", "<x>"]
        )
    more = T5Tokenizer.from_pretrained(folder, extra_ids=2, additional_special_tokens=["<x>"])
    assert more.additional_special_tokens == ["<x>", "<extra_id_0>", "<extra_id_1>"]


def test_text_after_a_sentinel_with_and_without_legacy(folder):
    legacy = T5Tokenizer.from_pretrained(folder, legacy=True)
    exact = T5Tokenizer.from_pretrained(folder, legacy=False)
    text = "the<extra_id_0>is. the"
    assert legacy(text).tokens() == ["▁the", "<extra_id_0>", "▁is", ".", "▁the", "</s>"]
    assert exact(text).tokens() == ["▁the", "<extra_id_0>", "i", "s", ".", "▁the", "</s>"]
    exact.save_pretrained(folder / "saved")
    again = T5Tokenizer.from_pretrained(folder / "saved")
    assert again.legacy is False
    assert again(text) == exact(text)


def test_literal_special_tokens_and_own_pieces(folder):
    tokenizer = T5Tokenizer.from_pretrained(folder)
    assert tokenizer("a</s>a<usr>").tokens()[2:4] == ["</s>", "▁"]
    assert tokenizer.convert_tokens_to_ids("<usr>") == len(PIECES) - 1
    assert tokenizer.decode([len(PIECES) - 1], skip_special_tokens=True) == "<usr>"


def test_saved_files_come_back_the_same(folder):
    tokenizer = T5Tokenizer.from_pretrained(folder, model_max_length=512)
    tokenizer.add_tokens(["newword"])
    tokenizer.save_pretrained(folder / "saved")
    assert (folder / "saved" / "spiece.model").read_bytes() == (
        folder / "spiece.model"
    ).read_bytes()
    settings = json.loads((folder / "saved" / "tokenizer_config.json").read_text(encoding="utf-8"))
    assert settings["tokenizer_class"] == "T5Tokenizer"
    texts = ["the newword<extra_id_0> house", "<usr> a", ""]
    for again in (
        T5TokenizerFast.from_pretrained(folder / "saved"),
        T5Tokenizer(tokenizer_file=folder / "saved" / "tokenizer.json"),
    ):
        assert again(texts) == tokenizer(texts)
        assert again.get_sentinel_tokens() == tokenizer.get_sentinel_tokens()
    (folder / "saved" / "spiece.model").unlink()
    alone = T5Tokenizer.from_pretrained(folder / "saved")
    assert alone(texts) == tokenizer(texts)
    with pytest.raises(CheckpointNotFoundError, match="save_pretrained writes"):
        alone.save_vocabulary(folder)


def test_from_slow_reads_the_model_again(folder):
    T5Tokenizer.from_pretrained(folder).save_pretrained(folder / "saved")
    (folder / "saved" / "tokenizer.json").write_text("{}", encoding="utf-8")
    assert T5Tokenizer.from_pretrained(folder / "saved", from_slow=True)("the")["input_ids"] == [
        3,
        1,
    ]


def test_a_vocabulary_of_pieces_and_scores():
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁a", -1.0), ("<extra_id_0>", 0.0)]
    tokenizer = T5Tokenizer(pieces, extra_ids=1)
    assert tokenizer("a <extra_id_0>")["input_ids"] == [3, 4, 1]
    assert len(tokenizer) == 5
    assert T5Tokenizer().convert_tokens_to_ids("</s>") == 1


def test_a_damaged_model_is_named(folder):
    (folder / "spiece.model").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(
        TokenizationError, match=r"spiece\.model' is not a valid SentencePiece model"
    ):
        T5Tokenizer.from_pretrained(folder)
