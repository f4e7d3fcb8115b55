"""Reading SentencePiece models by hand; `tests/parity` compares with the library."""

from __future__ import annotations

import struct
import time

import pytest
from hypothesis import given, settings, strategies as st

from automodel_core.errors import TokenizationError
from automodel_core.text.subwords.sentencepiece import (
    PieceType,
    SentencePieceModel,
    sentencepiece_pipeline,
)


def varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def message(field: int, content: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(content)) + content


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def piece(text: str, score: float, kind: int = 1) -> bytes:
    inner = message(1, text.encode()) + varint(2 << 3 | 5) + struct.pack("<f", score)
    return message(1, inner + number(3, kind))


SMALL = (
    piece("<unk>", 0.0, 2)
    + piece("</s>", 0.0, 3)
    + b"".join(
        piece(text, score) for text, score in [("▁a", -1.0), ("b", -2.0), ("▁", -3.0), ("ab", -1.5)]
    )
    + message(2, number(3, 1) + number(40, 0))
    + message(3, number(3, 1) + number(4, 1))
)


def test_a_model_is_read():
    model = SentencePieceModel.parse(SMALL)
    assert [p.text for p in model.pieces] == ["<unk>", "</s>", "▁a", "b", "▁", "ab"]
    assert model.of_type(PieceType.CONTROL, PieceType.UNKNOWN) == ["<unk>", "</s>"]
    assert model.scored[3] == ("b", -2.0)


def test_pieces_of_other_forms_are_read_among_the_usual_ones():
    of_type_first = message(1, number(3, 4) + message(1, b"b") + b"\x15" + struct.pack("<f", -2.0))
    unscored = message(1, message(1, b"c"))
    long = "x" * 200
    content = piece("a", -1.0) + of_type_first + unscored + piece(long, -3.0) + piece("d", -4.0, 6)
    model = SentencePieceModel.parse(content)
    assert [(each.text, each.score, int(each.type)) for each in model.pieces] == [
        ("a", -1.0, 1), ("b", -2.0, 4), ("c", 0.0, 1), (long, -3.0, 1), ("d", -4.0, 6)
    ]  # fmt: skip


def test_a_piece_twice_is_refused():
    with pytest.raises(TokenizationError, match="defines pieces more than once: 'b'"):
        SentencePieceModel.parse(SMALL + piece("b", -4.0))


def test_text_is_cut_and_put_together():
    rust = sentencepiece_pipeline(SentencePieceModel.parse(SMALL))
    assert rust.encode("a  b ").tokens == ["▁a", "▁", "b"]
    assert rust.decode([2, 4, 3]) == "a b"


@pytest.mark.parametrize("prepend", ["always", "first"])
@pytest.mark.parametrize("text", [" " * 200_000 + "b", " ▁" * 100_000 + "b", "b" + " " * 200_000])
def test_long_runs_of_spaces_take_linear_time(prepend, text):
    rust = sentencepiece_pipeline(SentencePieceModel.parse(SMALL), prepend=prepend)
    started = time.perf_counter()
    assert rust.encode(text).ids
    assert time.perf_counter() - started < 20


def test_control_pieces_match_no_text_once_hidden():
    model = SentencePieceModel.parse(SMALL)
    assert 1 in sentencepiece_pipeline(model).encode("</s>").ids
    hidden = sentencepiece_pipeline(model.with_hidden_control_pieces())
    assert 1 not in hidden.encode("</s>").ids


@pytest.mark.parametrize(
    ("content", "phrase"),
    [
        (b"", "no pieces"),
        (SMALL[:-3], "bytes, and|ends within"),
        (b"\x0b", "unknown wire type 3"),
        (b"\xff" * 11, "more than 10 bytes"),
        (number(1, 7), "a number"),
        (message(1, message(1, b"\xff")), "piece 0 is not UTF-8"),
        (piece("a", float("nan")), "score of piece 0"),
        (piece("a", 0.0, 99), "unknown type 99"),
        (piece("a", 0.0) + message(2, number(40, 5)), "unk_id is 5"),
        (piece("a", 0.0) + message(2, number(3, 3)), "model_type is 3"),
    ],
)
def test_damaged_models_are_refused(content, phrase, tmp_path):
    path = tmp_path / "spiece.model"
    path.write_bytes(content)
    with pytest.raises(TokenizationError, match=f"(?s)spiece.model.*({phrase})"):
        SentencePieceModel.read(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(TokenizationError, match="Cannot read the SentencePiece model"):
        SentencePieceModel.read(tmp_path / "none.model")


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_broken_bytes_never_end_in_another_error(data):
    cut = data.draw(st.integers(0, len(SMALL)))
    junk = data.draw(st.binary(max_size=12))
    try:
        model = SentencePieceModel.parse(SMALL[:cut] + junk + SMALL[cut + len(junk) :])
        sentencepiece_pipeline(model).encode("a b")
    except TokenizationError:
        pass
