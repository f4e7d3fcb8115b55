"""Small random models and vocabularies for the tests of M2M100 and NLLB."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import automodel_m2m100

SMALL = {
    "vocab_size": 53, "d_model": 16, "encoder_layers": 2, "decoder_layers": 3,
    "encoder_attention_heads": 2, "decoder_attention_heads": 4, "encoder_ffn_dim": 24,
    "decoder_ffn_dim": 20, "max_position_embeddings": 24, "dropout": 0.0,
    "attention_dropout": 0.0, "encoder_layerdrop": 0.0, "decoder_layerdrop": 0.0,
}  # fmt: skip
PIECES = ["<unk>", "<s>", "</s>", "▁the", "▁house", "▁", *"adehiostu."]


@pytest.fixture
def make() -> Callable[..., Any]:
    """Return a function that builds a random model of a class by name, in evaluation mode."""

    def build(name: str, **settings: Any) -> Any:
        kind = getattr(automodel_m2m100, name)
        model = kind(kind.config_class(**{**SMALL, **settings})).eval()
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.normal_(0.0, 0.3, generator=generator)
        return model

    return build


@pytest.fixture
def input_ids() -> torch.Tensor:
    return torch.randint(4, 53, (2, 7), generator=torch.Generator().manual_seed(1))


def varint(value: int) -> bytes:
    return bytes([value]) if value < 0x80 else bytes([value & 0x7F | 0x80]) + varint(value >> 7)


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a unigram model, and a vocabulary that has its pieces backwards."""
    content = b""
    for index, text in enumerate(PIECES):
        kind = (2, 3, 3)[index] if index < 3 else 1
        score = b"\x15" + struct.pack("<f", -float(index))
        content += field(1, field(1, text.encode()) + score + b"\x18" + varint(kind))
    content += field(2, b"\x18\x01") + field(3, b"\x18\x01\x20\x01")
    (tmp_path / "sentencepiece.bpe.model").write_bytes(content)
    tokens = ["<s>", "<pad>", "</s>", "<unk>", *reversed(PIECES[3:])]
    numbers = {token: index for index, token in enumerate(tokens)}
    (tmp_path / "vocab.json").write_text(json.dumps(numbers), encoding="utf-8")
    return tmp_path
