"""Small random models, and SentencePiece files, for the tests of Marian."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import torch

import automodel_marian

PAD = 46
SMALL = {
    "vocab_size": 47, "d_model": 16, "max_position_embeddings": 24,
    "encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": 24, "decoder_ffn_dim": 24,
    "encoder_attention_heads": 2, "decoder_attention_heads": 4, "pad_token_id": PAD,
    "decoder_start_token_id": PAD, "dropout": 0.0, "activation_function": "swish",
}  # fmt: skip
NORMAL, UNKNOWN, CONTROL = 1, 2, 3
SPECIAL = [("<unk>", 0.0, UNKNOWN), ("<s>", 0.0, CONTROL), ("</s>", 0.0, CONTROL)]
LETTERS = [(letter, -9.0 - place / 10, NORMAL) for place, letter in enumerate("abdehiostu.")]
SOURCE = [("▁the", -2.0, NORMAL), ("▁house", -3.0, NORMAL), ("▁", -4.0, NORMAL), *LETTERS]
TARGET = [("▁das", -2.0, NORMAL), ("▁Haus", -3.0, NORMAL), ("▁", -4.0, NORMAL), *LETTERS]


@pytest.fixture
def make() -> Callable[..., Any]:
    """Return a function that builds a random model of a class by name, in evaluation mode."""

    def build(name: str, **settings: Any) -> Any:
        kind = getattr(automodel_marian, name)
        model = kind(kind.config_class(**{**SMALL, **settings})).eval()
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.normal_(0.0, 0.3, generator=generator)
        return model

    return build


@pytest.fixture
def input_ids() -> torch.Tensor:
    ids = torch.randint(1, PAD, (2, 7), generator=torch.Generator().manual_seed(1))
    ids[:, -1] = 0
    return ids


def varint(value: int) -> bytes:
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + varint(value >> 7)


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def spm(pieces: Iterable[tuple[str, float, int]]) -> bytes:
    """Return the part of a SentencePiece file that a unigram model needs."""
    content = b"".join(
        field(1, field(1, text.encode()) + b"\x15" + struct.pack("<f", score) + bytes([24, kind]))
        for text, score, kind in pieces
    )
    return content + field(2, b"\x18\x01") + field(3, b"\x18\x01\x20\x01")


def vocabulary(*tokens: str) -> dict[str, int]:
    return {token: index for index, token in enumerate(["</s>", "<unk>", *tokens, "<pad>"])}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the files of a tokenizer with one vocabulary."""
    pieces = [text for text, _, _ in [*TARGET, *SOURCE] if text != "."]
    numbers = vocabulary(">>de<<", ">>sv<<", *dict.fromkeys(pieces))
    (tmp_path / "vocab.json").write_text(json.dumps(numbers), encoding="utf-8")
    (tmp_path / "source.spm").write_bytes(spm([*SPECIAL, *SOURCE]))
    (tmp_path / "target.spm").write_bytes(spm([*SPECIAL, *TARGET]))
    settings = {"source_lang": "en", "target_lang": "de", "special_tokens_map_file": None}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return tmp_path


@pytest.fixture
def separate(folder: Path) -> Path:
    """Return the files of a tokenizer with two vocabularies."""
    for name, pieces in (("vocab", SOURCE), ("target_vocab", TARGET)):
        numbers = vocabulary(*(text for text, _, _ in pieces))
        (folder / f"{name}.json").write_text(json.dumps(numbers), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text('{"separate_vocabs": true}', encoding="utf-8")
    return folder
