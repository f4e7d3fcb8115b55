"""ALBERT's tokenizer from pieces, its settings, and back."""

from __future__ import annotations

import pytest

from automodel_albert import AlbertTokenizer, AlbertTokenizerFast
from automodel_core.errors import TokenizationError
from automodel_core.text import Piece, PieceType, SentencePieceModel

WORDS = ("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]")
PIECES = ("▁", "▁the", "▁caf", "e", "é", "▁The", "▁9", "▁9,", ",", "9", '"', "(", ")", "▁(")
SCORES = [(piece, 0.0) for piece in WORDS] + [
    (piece, -1.0 - len(PIECES) / 10 + index / 10) for index, piece in enumerate(PIECES)
]


@pytest.mark.parametrize(
    ("settings", "text", "tokens"),
    [
        ({}, "The café", ["▁the", "▁caf", "e"]),
        ({"do_lower_case": False}, "The", ["▁The"]),
        ({"keep_accents": True}, "CAFÉ", ["▁caf", "é"]),
        ({}, "``(''", ["▁", '"', "(", '"']),
        ({}, "  the\n the ", ["▁the", "▁the"]),
        ({"add_prefix_space": False}, "9", ["9"]),
    ],
    ids=str,
)
def test_settings(settings, text, tokens, tmp_path):
    tokenizer = AlbertTokenizer(SCORES, **settings)
    assert tokenizer.tokenize(text) == tokens
    tokenizer.save_pretrained(tmp_path)
    assert AlbertTokenizerFast.from_pretrained(tmp_path).tokenize(text) == tokens
    if "add_prefix_space" not in settings:
        AlbertTokenizer(SCORES).save_pretrained(tmp_path)
        assert AlbertTokenizer.from_pretrained(tmp_path, **settings).tokenize(text) == tokens


def test_pieces_of_a_number_and_a_comma_are_never_the_best():
    pieces = [Piece(text, -1.0, PieceType.NORMAL) for text in ("\u2581a,", "\u25819,", "9")]
    made = AlbertTokenizer([("<pad>", 0.0), ("<unk>", 0.0)])
    first, second, third = made.adapted(SentencePieceModel(tuple(pieces))).pieces
    assert (first, third) == (pieces[0], pieces[2])
    assert second.text == pieces[1].text
    assert second.score < -100.0


def test_pairs_have_types():
    tokenizer = AlbertTokenizer(SCORES)
    encoded = tokenizer("the the", "the [MASK]")
    tokens = tokenizer.convert_ids_to_tokens(encoded["input_ids"])
    assert tokens == "[CLS] ▁the ▁the [SEP] ▁the [MASK] [SEP]".split()
    assert encoded["token_type_ids"] == [0] * 4 + [1] * 3


def test_without_files():
    tokenizer = AlbertTokenizer()
    assert tokenizer.convert_ids_to_tokens(range(5)) == list(WORDS)
    with pytest.raises(TokenizationError, match="sp_model_kwargs"):
        AlbertTokenizer(sp_model_kwargs={"enable_sampling": True})
