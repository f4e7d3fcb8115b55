"""The files of tokenizers, for the tests of RoBERTa."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from tokenizers import ByteLevelBPETokenizer

PIECES = ["<unk>", "<s>", "</s>", "▁read", "▁this", "▁", *"adehirst."]
LINES = ["The cat sat on the mat.", "A dog, too: the log!", "Größe 東京"] * 20
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]


@pytest.fixture
def bpe_folder(tmp_path: Path) -> Path:
    """The files of an old checkpoint of RoBERTa."""
    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator(LINES, 320, special_tokens=SPECIAL, show_progress=False)
    trained.save_model(str(tmp_path))
    return tmp_path


@pytest.fixture
def pieces_folder(tmp_path: Path) -> Path:
    """The file of an old checkpoint of XLM-RoBERTa or CamemBERT."""
    content = b""
    for index, text in enumerate(PIECES):
        kind = (2, 3, 3)[index] if index < 3 else 1
        score = b"\x15" + struct.pack("<f", -float(index))
        content += field(1, field(1, text.encode()) + score + bytes([0x18, kind]))
    content += field(2, b"\x18\x01") + field(3, b"\x18\x01\x20\x01")
    (tmp_path / "sentencepiece.bpe.model").write_bytes(content)
    return tmp_path


def field(number: int, content: bytes) -> bytes:
    """Return a field of a protocol buffer; none here is longer than 127 bytes."""
    return bytes([number << 3 | 2, len(content)]) + content
