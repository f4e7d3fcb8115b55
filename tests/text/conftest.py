from __future__ import annotations

import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from tokenizers.processors import TemplateProcessing

from automodel_core.text import PreTrainedTokenizer
from support.hub import hub
from support.nasty_text import NASTY

__all__ = ["hub", "nasty", "pipeline", "tokenizer"]

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


@pytest.fixture(scope="session")
def nasty() -> list[str]:
    return NASTY


@pytest.fixture(scope="session")
def pipeline(nasty) -> str:
    """Return the tokenizer.json of a small cased WordPiece vocabulary."""
    rust = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    rust.normalizer = normalizers.BertNormalizer(lowercase=False)
    rust.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    rust.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=400, special_tokens=SPECIAL, show_progress=False)
    rust.train_from_iterator(nasty, trainer)
    rust.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return rust.to_str()


NAMED = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}


@pytest.fixture
def tokenizer(pipeline) -> PreTrainedTokenizer:
    return PreTrainedTokenizer(
        tokenizer_object=Tokenizer.from_str(pipeline),
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
        **NAMED,
    )
