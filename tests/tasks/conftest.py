"""A small encoder with a tokenizer, for tests of what all pipelines share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from automodel_bert import BertConfig, BertForSequenceClassification
from automodel_core import PreTrainedTokenizerFast

WORDS = {word: index for index, word in enumerate("[PAD] [UNK] [CLS] [SEP] a b c d e f".split())}
SIZES = {
    "vocab_size": len(WORDS),
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "max_position_embeddings": 32,
}


@pytest.fixture
def tokenizer() -> Any:
    rust = Tokenizer(models.WordLevel(WORDS, unk_token="[UNK]"))
    rust.pre_tokenizer = pre_tokenizers.Whitespace()
    rust.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=rust, pad_token="[PAD]", unk_token="[UNK]", model_max_length=32
    )


@pytest.fixture
def model() -> Any:
    torch.manual_seed(0)
    found = BertForSequenceClassification(BertConfig(**SIZES, num_labels=3)).eval()
    with torch.no_grad():
        for parameter in found.parameters():
            parameter.mul_(8)
    return found


@pytest.fixture
def checkpoint(model: Any, tokenizer: Any, tmp_path: Path) -> Path:
    model.save_pretrained(tmp_path / "saved")
    tokenizer.save_pretrained(tmp_path / "saved")
    return tmp_path / "saved"
