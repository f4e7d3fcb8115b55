"""DeBERTa's tokenizers from values, their settings, and back."""

from __future__ import annotations

import pytest

from automodel_deberta import DebertaTokenizer, DebertaV2Tokenizer, DebertaV2TokenizerFast

WORDS = ("[PAD]", "[CLS]", "[SEP]", "[UNK]")
PIECES = ("▁", "▁so", "called", "▁called", "-", "▁-", "▁So")
SCORES = [(piece, 0.0) for piece in WORDS] + [
    (piece, -9.0 + index) for index, piece in enumerate(PIECES)
]


@pytest.mark.parametrize(
    ("settings", "text", "tokens"),
    [
        ({}, "so-called", ["▁so", "-", "called"]),
        ({"split_by_punct": True}, "so - called", ["▁so", "▁-", "▁called"]),
        ({"split_by_punct": True}, "so-called", ["▁so", "▁-", "▁called"]),
        ({}, "So", ["▁So"]),
        ({"do_lower_case": True}, "  So  so ", ["▁so", "▁so"]),
    ],
    ids=str,
)
def test_settings(settings, text, tokens, tmp_path):
    tokenizer = DebertaV2Tokenizer(SCORES, **settings)
    assert tokenizer.tokenize(text) == tokens
    tokenizer.save_pretrained(tmp_path)
    assert DebertaV2TokenizerFast.from_pretrained(tmp_path).tokenize(text) == tokens
    DebertaV2Tokenizer(SCORES).save_pretrained(tmp_path)
    assert DebertaV2Tokenizer.from_pretrained(tmp_path, **settings).tokenize(text) == tokens


def test_pairs_have_types_and_the_mask_follows_the_pieces():
    tokenizer = DebertaV2Tokenizer(SCORES)
    encoded = tokenizer("so [MASK]", "called")
    tokens = tokenizer.convert_ids_to_tokens(encoded["input_ids"])
    assert tokens == "[CLS] ▁so [MASK] [SEP] ▁called [SEP]".split()
    assert encoded["token_type_ids"] == [0, 0, 0, 0, 1, 1]
    assert tokenizer.mask_token_id == len(SCORES)


def test_bytes():
    pieces = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]", "s", "o", "so", "Ġ"]
    tokenizer = DebertaTokenizer({piece: index for index, piece in enumerate(pieces)}, ["s o"])
    encoded = tokenizer("so so", "so [MASK]")
    tokens = tokenizer.convert_ids_to_tokens(encoded["input_ids"])
    assert tokens == "[CLS] so Ġ so [SEP] so [MASK] [SEP]".split()
    assert encoded["token_type_ids"] == [0, 0, 0, 0, 0, 1, 1, 1]
    assert DebertaTokenizer().pad_token_id == 3
