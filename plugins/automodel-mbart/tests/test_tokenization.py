"""mBART's and mBART-50's tokenizers: ids in fairseq's order, and a language beside each text."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from automodel_core.errors import TokenizationError
from automodel_mbart import (
    MBart50Tokenizer,
    MBart50TokenizerFast,
    MBartTokenizer,
    MBartTokenizerFast,
)

PIECES = ["<unk>", "<s>", "</s>", "▁the", "▁house", "▁", *"adehiostu."]
THE, HOUSE, SPACE = 4, 5, 6
EOS = 2
FIRST_LANGUAGE = len(PIECES) + 1


def varint(value: int) -> bytes:
    return bytes([value]) if value < 0x80 else bytes([value & 0x7F | 0x80]) + varint(value >> 7)


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    content = b""
    for index, text in enumerate(PIECES):
        kind = (2, 3, 3)[index] if index < 3 else 1
        score = b"\x15" + struct.pack("<f", -float(index))
        content += field(1, field(1, text.encode()) + score + b"\x18" + varint(kind))
    content += field(2, b"\x18\x01") + field(3, b"\x18\x01\x20\x01")
    (tmp_path / "sentencepiece.bpe.model").write_bytes(content)
    return tmp_path


def test_ids_are_in_the_order_of_fairseq(folder: Path) -> None:
    tokenizer = MBartTokenizer.from_pretrained(folder)
    tokens = ["<s>", "<pad>", "</s>", "<unk>", "▁the", ".", "ar_AR", "en_XX", "zh_CN", "<mask>"]
    codes = [FIRST_LANGUAGE, FIRST_LANGUAGE + 3, FIRST_LANGUAGE + 24]
    assert tokenizer.convert_tokens_to_ids(tokens) == [
        0, 1, 2, 3, THE, FIRST_LANGUAGE - 1, *codes, FIRST_LANGUAGE + 25,
    ]  # fmt: skip
    assert len(tokenizer) == tokenizer.vocab_size == len(PIECES) + 1 + 25 + 1
    assert tokenizer.lang_code_to_id["en_XX"] == codes[1]
    larger = MBart50Tokenizer.from_pretrained(folder)
    assert larger.convert_tokens_to_ids(["zh_CN", "af_ZA", "sl_SI", "<mask>"]) == [
        FIRST_LANGUAGE + place for place in (24, 25, 51, 52)
    ]
    assert len(larger.lang_code_to_id) == 52
    assert (tokenizer.bos_token, larger.bos_token) == ("<s>", None)


def test_languages_stand_after_texts_or_before_them(folder: Path) -> None:
    settings = {"src_lang": "de_DE", "tgt_lang": "ro_RO"}
    german, romanian = FIRST_LANGUAGE + 2, FIRST_LANGUAGE + 19
    both = MBartTokenizer.from_pretrained(folder, **settings)("the house", text_target="the")
    assert both["input_ids"] == [THE, HOUSE, EOS, german]
    assert both["labels"] == [THE, EOS, romanian]
    both = MBart50Tokenizer.from_pretrained(folder, **settings)("the house", text_target="the")
    assert both["input_ids"] == [german, THE, HOUSE, EOS]
    assert both["labels"] == [romanian, THE, EOS]


@pytest.mark.parametrize("kind", [MBartTokenizer, MBart50Tokenizer])
def test_english_is_the_source_language_of_those_that_name_none(kind: type, folder: Path) -> None:
    tokenizer = kind.from_pretrained(folder)
    assert (tokenizer.src_lang, tokenizer.tgt_lang) == ("en_XX", None)
    batch = tokenizer.prepare_seq2seq_batch(["the"], tgt_texts=["house"], max_length=9)
    assert FIRST_LANGUAGE + 19 in batch["labels"][0]
    with pytest.raises(TokenizationError, match=r"'en' is not a language .*en_XX"):
        tokenizer.src_lang = "en"


def test_a_mask_swallows_the_space_before_it(folder: Path) -> None:
    tokenizer = MBartTokenizer.from_pretrained(folder)
    ids = tokenizer("the <mask> house<mask>", add_special_tokens=False)["input_ids"]
    assert ids == [THE, tokenizer.mask_token_id, HOUSE, tokenizer.mask_token_id]
    assert tokenizer.decode(ids) == "the<mask> house<mask>"
    assert tokenizer.decode(ids, skip_special_tokens=True) == "the house"


@pytest.mark.parametrize("kind", [MBartTokenizerFast, MBart50TokenizerFast])
def test_files_hold_everything(kind: type, folder: Path) -> None:
    tokenizer = kind.from_pretrained(folder, tgt_lang="ro_RO", model_max_length=9)
    tokenizer.add_tokens(["newword"])
    tokenizer.src_lang = "fr_XX"
    saved = folder / "saved"
    tokenizer.save_pretrained(saved)
    settings = json.loads((saved / "tokenizer_config.json").read_text(encoding="utf-8"))
    assert settings["tokenizer_class"] == kind.__name__
    assert (settings["src_lang"], settings["tgt_lang"]) == ("fr_XX", "ro_RO")
    model = "sentencepiece.bpe.model"
    assert (saved / model).read_bytes() == (folder / model).read_bytes()
    text = {"text": "the newword<mask>", "text_target": "house"}
    for alone in (False, True):
        if alone:
            (saved / model).unlink()
        again = kind.from_pretrained(saved)
        assert again(**text) == tokenizer(**text)
        assert again.get_vocab() == tokenizer.get_vocab()
        assert again.model_max_length == 9
