"""Read SentencePiece models without the sentencepiece library, and build the equal Rust tokenizer.

The file is a protocol buffer (sentencepiece_model.proto). Only the fields that decide how text is
cut are read; the wire format is at https://protobuf.dev/programming-guides/encoding/.
"""

from __future__ import annotations

import math
import os
import shutil
import struct
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from pathlib import Path
from typing import Any, NamedTuple

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from automodel_core.errors import CheckpointNotFoundError, TokenizationError, listed, shown
from automodel_core.text.encoding.growth import check_charsmap
from automodel_core.text.encoding.rust import rust_errors

__all__ = [
    "Piece",
    "PieceType",
    "SentencePieceModel",
    "copy_model",
    "refuse_sampling",
    "sentencepiece_normalizers",
    "sentencepiece_pipeline",
]

SPACE = "\u2581"
UNIGRAM, BPE, CHARACTERS = 1, 2, 4
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


class PieceType(IntEnum):
    """What a piece is for."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5
    BYTE = 6


class Piece(NamedTuple):
    """One entry of the vocabulary; its id is its place in the file."""

    text: str
    score: float
    type: PieceType


HIDDEN = "\U000f0000"
"""Begins the text of pieces that no text holds."""


def hidden_piece(index: int) -> Piece:
    """Return a piece that no text holds, to keep an id's place."""
    return Piece(f"{HIDDEN}{index}\U000f0001", 0.0, PieceType.CONTROL)


@dataclass(frozen=True)
class SentencePieceModel:
    """The vocabulary and the settings of a ``spiece.model`` file."""

    pieces: tuple[Piece, ...]
    model_type: int = UNIGRAM
    unk_id: int = 0
    byte_fallback: bool = False
    charsmap: bytes = b""
    add_dummy_prefix: bool = True
    remove_extra_whitespaces: bool = True
    content: bytes = field(default=b"", repr=False, compare=False)
    """The whole file."""

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> SentencePieceModel:
        try:
            content = Path(path).read_bytes()
        except OSError as error:
            raise TokenizationError(
                f"Cannot read the SentencePiece model {str(path)!r}: {error}"
            ) from error
        try:
            return cls.parse(content)
        except TokenizationError as error:
            raise TokenizationError(
                f"{str(path)!r} is not a valid SentencePiece model: {error}"
            ) from error

    @classmethod
    def parse(cls, content: bytes) -> SentencePieceModel:
        """Decode the file's bytes; `TokenizationError` says what does not fit."""
        pieces, start = _usual_pieces(content)
        settings: dict[str, object] = {"content": content}
        for outer, value in _fields(content, start):
            if outer == 1:
                pieces.append(_piece(_as_bytes(value), len(pieces)))
            elif outer in (2, 3):
                for inner, inner_value in _fields(_as_bytes(value)):
                    if outer == 2 and inner == 3:
                        settings["model_type"] = _as_int(inner_value)
                    elif outer == 2 and inner == 35:
                        settings["byte_fallback"] = bool(_as_int(inner_value))
                    elif outer == 2 and inner == 40:
                        settings["unk_id"] = _as_int(inner_value)
                    elif outer == 3 and inner == 2:
                        settings["charsmap"] = _as_bytes(inner_value)
                    elif outer == 3 and inner == 3:
                        settings["add_dummy_prefix"] = bool(_as_int(inner_value))
                    elif outer == 3 and inner == 4:
                        settings["remove_extra_whitespaces"] = bool(_as_int(inner_value))
        model = cls(tuple(pieces), **settings)  # type: ignore[arg-type]
        if model.charsmap:
            check_charsmap(model.charsmap)
        if not pieces:
            raise TokenizationError("it holds no pieces")
        if len({piece.text for piece in pieces}) < len(pieces):
            texts = Counter(piece.text for piece in pieces)
            again = [shown(text) for text, count in texts.items() if count > 1]
            raise TokenizationError(f"it defines pieces more than once: {listed(again)}")
        if model.unk_id >= len(pieces):
            raise TokenizationError(f"unk_id is {model.unk_id}, and there are {len(pieces)} pieces")
        if model.model_type not in (UNIGRAM, BPE, CHARACTERS):
            raise TokenizationError(
                f"model_type is {model.model_type}; "
                f"supported are {UNIGRAM} (unigram), {BPE} (bpe) and {CHARACTERS} (characters)"
            )
        return model

    @property
    def scored(self) -> list[tuple[str, float]]:
        return [(piece.text, piece.score) for piece in self.pieces]

    def of_type(self, *types: PieceType) -> list[str]:
        return [piece.text for piece in self.pieces if piece.type in types]

    def with_hidden_control_pieces(self) -> SentencePieceModel:
        """Rename pieces that no text may match, so that a literal ``</s>`` is cut like any text."""
        hidden = (PieceType.CONTROL, PieceType.UNKNOWN)
        return replace(
            self,
            pieces=tuple(
                hidden_piece(index) if piece.type in hidden else piece
                for index, piece in enumerate(self.pieces)
            ),
        )


def sentencepiece_pipeline(
    model: SentencePieceModel, *, prepend: str = "always", extra: tuple[str, ...] = ()
) -> Tokenizer:
    """Return the tokenizer that cuts text as SentencePiece does.

    ``prepend="always"`` gives each part between added tokens a space in front, ``"first"`` only the
    text's beginning; other parts then keep the space they have. ``extra`` pieces follow the file's.
    """
    vocabulary = model.scored + [(text, 0.0) for text in extra]
    with rust_errors("building the tokenizer of a SentencePiece model"):
        if model.model_type == UNIGRAM:
            rust = Tokenizer(
                models.Unigram(vocabulary, unk_id=model.unk_id, byte_fallback=model.byte_fallback)
            )
        else:
            rust = Tokenizer(
                models.BPE(
                    vocab={text: index for index, (text, _) in enumerate(vocabulary)},
                    merges=_merges(model) if model.model_type == BPE else [],
                    unk_token=model.pieces[model.unk_id].text,
                    fuse_unk=True,
                    byte_fallback=model.byte_fallback,
                )
            )
        steps = sentencepiece_normalizers(
            model.charsmap, squeezes=model.remove_extra_whitespaces, prepend=prepend
        )
        if steps:
            rust.normalizer = normalizers.Sequence(steps)
        scheme = prepend if model.add_dummy_prefix else "never"
        rust.pre_tokenizer = pre_tokenizers.Metaspace(replacement=SPACE, prepend_scheme=scheme)
        rust.decoder = metaspace_decoder(model.byte_fallback, scheme)
    return rust


def sentencepiece_normalizers(
    charsmap: bytes, *, squeezes: bool = True, prepend: str = "always"
) -> list[normalizers.Normalizer]:
    """Return the steps by which SentencePiece normalises; ``squeezes`` leaves out extra spaces.

    ``prepend`` is that of `sentencepiece_pipeline`.
    """
    steps: list[normalizers.Normalizer] = []
    if charsmap:
        steps.append(normalizers.Precompiled(charsmap))
    if squeezes:
        # With "first", a leading space decides whether a later part begins a word.
        # Only at the end the library takes a literal sign for a space too. Looking behind keeps
        # a long run within the text from being tried at each of its places.
        end = rf"(?<![ {SPACE}])[ {SPACE}]+\z"
        edges = end if prepend == "first" else rf"\A +|{end}"
        steps.append(normalizers.Replace(Regex(edges), ""))
        steps.append(normalizers.Replace(Regex(" {2,}"), " "))
    return steps


def refuse_sampling(settings: Mapping[str, Any]) -> None:
    """Raise for a tokenizer's settings that ask for cuts drawn by chance."""
    options = settings.get("sp_model_kwargs") or {}
    if options.get("enable_sampling"):
        raise TokenizationError(
            f"sp_model_kwargs={shown(options)} asks for cuts drawn by chance, and texts are cut in "
            "the best way only: leave enable_sampling out"
        )


def copy_model(
    source: str | None,
    directory: str | os.PathLike[str],
    name: str,
    prefix: str | None = None,
) -> tuple[str, ...]:
    """Copy the model file that a tokenizer was made from into ``directory``; return its path."""
    if source is None or not os.path.isfile(source):
        raise CheckpointNotFoundError(
            f"This tokenizer was not made from a {name}, or the file is gone: "
            "save_pretrained writes tokenizer.json, which holds everything"
        )
    target = Path(directory, f"{prefix}-{name}" if prefix else name)
    if not target.exists() or not target.samefile(source):
        shutil.copyfile(source, target)
    return (str(target),)


def metaspace_decoder(byte_fallback: bool, scheme: str = "always") -> decoders.Decoder:
    metaspace = decoders.Metaspace(replacement=SPACE, prepend_scheme=scheme)
    return decoders.Sequence([decoders.ByteFallback(), metaspace]) if byte_fallback else metaspace


def _merges(model: SentencePieceModel) -> list[tuple[str, str]]:
    """Rebuild a BPE model's merges: every split of a piece into two, best score first."""
    score = {piece.text: piece.score for piece in model.pieces}
    found = [
        (-piece.score, index, piece.text[:cut], piece.text[cut:])
        for index, piece in enumerate(model.pieces)
        if piece.type is PieceType.NORMAL
        for cut in range(1, len(piece.text))
        if piece.text[:cut] in score and piece.text[cut:] in score
    ]
    return [(left, right) for _, _, left, right in sorted(found, key=lambda merge: merge[:2])]


_TYPES = {int(kind): kind for kind in PieceType}
_SCORE = struct.Struct("<f")


def _usual_pieces(content: bytes) -> tuple[list[Piece], int]:
    """Return the pieces at the start of a file, and where the first one of another form begins.

    They are text, score and perhaps type, in this order and in fewer than 128 bytes, as all writers
    have it: a file has tens of thousands, and to read them as messages takes ten times as long.
    """
    pieces: list[Piece] = []
    start = 0
    while content[start : start + 1] == b"\x0a":
        head = content[start : start + 4]
        if len(head) < 4 or head[1] >= 128 or head[2] != 0x0A or not head[3]:
            break
        score_at, end = start + 4 + head[3], start + 2 + head[1]
        fields = content[score_at:end]
        if end > len(content) or len(fields) not in (5, 7) or fields[0] != 0x15:
            break
        (score,) = _SCORE.unpack_from(fields, 1)
        kind: PieceType | None = PieceType.NORMAL
        if len(fields) == 7:
            kind = _TYPES.get(fields[6]) if fields[5] == 0x18 else None
        if kind is None or not math.isfinite(score):
            break
        try:
            text = content[start + 4 : score_at].decode("utf-8")
        except UnicodeDecodeError:
            break
        pieces.append(Piece(text, score, kind))
        start = end
    return pieces, start


def _piece(content: bytes, index: int) -> Piece:
    text, score, kind = "", 0.0, int(PieceType.NORMAL)
    for number, value in _fields(content):
        if number == 1:
            try:
                text = _as_bytes(value).decode("utf-8")
            except UnicodeDecodeError as error:
                raise TokenizationError(f"piece {index} is not UTF-8") from error
        elif number == 2:
            raw = _as_bytes(value)
            if len(raw) != 4:
                raise TokenizationError(f"the score of piece {index} is not a 32-bit float")
            score = struct.unpack("<f", raw)[0]
        elif number == 3:
            kind = _as_int(value)
    if not text:
        raise TokenizationError(f"piece {index} is empty")
    if not math.isfinite(score):
        raise TokenizationError(f"the score of piece {index} ({shown(text)}) is {score}")
    try:
        return Piece(text, score, PieceType(kind))
    except ValueError as error:
        raise TokenizationError(
            f"piece {index} ({shown(text)}) has the unknown type {kind}"
        ) from error


def _fields(content: bytes, position: int = 0) -> Iterator[tuple[int, int | bytes]]:
    """Yield the fields of one message from a byte on; fixed-size values come as their bytes."""
    while position < len(content):
        key, position = _varint(content, position)
        number, wire = key >> 3, key & 7
        if wire == VARINT:
            value, position = _varint(content, position)
            yield number, value
            continue
        if wire == BYTES:
            length, position = _varint(content, position)
        elif wire in (FIXED32, FIXED64):
            length = 4 if wire == FIXED32 else 8
        else:
            raise TokenizationError(f"byte {position}: unknown wire type {wire}")
        if length > len(content) - position:
            raise TokenizationError(
                f"byte {position}: a field of {length} bytes, "
                f"and {len(content) - position} are left"
            )
        yield number, content[position : position + length]
        position += length


def _varint(content: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(content):
            raise TokenizationError("the file ends within a number")
        byte = content[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, position
    raise TokenizationError(f"byte {position}: a number of more than 10 bytes")


def _as_bytes(value: int | bytes) -> bytes:
    if isinstance(value, bytes):
        return value
    raise TokenizationError(f"a number ({value}) where text or a message belongs")


def _as_int(value: int | bytes) -> int:
    if isinstance(value, int):
        return value
    raise TokenizationError("bytes where a number belongs")
