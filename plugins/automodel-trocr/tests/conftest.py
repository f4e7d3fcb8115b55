"""Small random models and the files of tokenizers, for the tests of TrOCR."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import ByteLevelBPETokenizer

from automodel_trocr import TrOCRConfig, TrOCRForCausalLM

SMALL = {
    "vocab_size": 41, "d_model": 16, "decoder_layers": 2, "decoder_attention_heads": 2,
    "decoder_ffn_dim": 24, "max_position_embeddings": 20, "dropout": 0.0,
}  # fmt: skip
PIECES = ["<unk>", "<s>", "</s>", "▁read", "▁this", "▁", *"adehirst."]
LINES = ["The cat sat on the mat.", "A dog, too: the log!", "Größe 東京"] * 20
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]


@pytest.fixture
def make() -> Callable[..., TrOCRForCausalLM]:
    """Return a function that builds a random model in evaluation mode."""

    def build(**settings: Any) -> TrOCRForCausalLM:
        model = TrOCRForCausalLM(TrOCRConfig(**{**SMALL, **settings})).eval()
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.normal_(0.0, 0.3, generator=generator)
        return model

    return build


@pytest.fixture
def input_ids() -> torch.Tensor:
    return torch.randint(3, 41, (2, 7), generator=torch.Generator().manual_seed(1))


@pytest.fixture
def bpe_folder(tmp_path: Path) -> Path:
    """The files of an old checkpoint with RoBERTa's tokenizer."""
    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator(LINES, 320, special_tokens=SPECIAL, show_progress=False)
    trained.save_model(str(tmp_path))
    settings = {"tokenizer_class": "RobertaTokenizer", "processor_class": "TrOCRProcessor"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    return tmp_path


@pytest.fixture
def pieces_folder(tmp_path: Path) -> Path:
    """The files of an old checkpoint with XLM-RoBERTa's tokenizer."""
    content = b""
    for index, text in enumerate(PIECES):
        kind = (2, 3, 3)[index] if index < 3 else 1
        score = b"\x15" + struct.pack("<f", -float(index))
        content += _field(1, _field(1, text.encode()) + score + bytes([0x18, kind]))
    content += _field(2, b"\x18\x01") + _field(3, b"\x18\x01\x20\x01")
    (tmp_path / "sentencepiece.bpe.model").write_bytes(content)
    settings = {"tokenizer_class": "XLMRobertaTokenizer", "processor_class": "TrOCRProcessor"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    return tmp_path


def _field(number: int, content: bytes) -> bytes:
    """Return a field of a protocol buffer; none here is longer than 127 bytes."""
    return bytes([number << 3 | 2, len(content)]) + content
