"""Symbols of frames to text, and where its characters and words lie (CTC)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

__all__ = ["TimedText", "timed_symbols", "timed_words"]


@dataclass(frozen=True)
class TimedText:
    """A piece of text, and the frames that it lies in: from ``start``, before ``end``."""

    text: str
    start: int
    end: int


def timed_symbols(
    symbols: Iterable[str | None], blank: str | None, *, merged: bool = True
) -> list[TimedText]:
    """Return the symbols of frames without ``blank``; equal neighbours are one, if ``merged``."""
    groups = [(key, len(list(run))) for key, run in groupby(symbols)]
    if not merged:
        groups = [(symbol, 1) for symbol, count in groups for _ in range(count)]
    found, start = [], 0
    for symbol, count in groups:
        if symbol is not None and symbol != blank:
            found.append(TimedText(symbol, start, start + count))
        start += count
    return found


def timed_words(characters: Sequence[TimedText], delimiter: str = " ") -> list[TimedText]:
    """Return the words between characters that are ``delimiter``."""
    words = []
    for between, run in groupby(characters, key=lambda each: each.text == delimiter):
        if not between:
            parts = list(run)
            text = "".join(part.text for part in parts)
            words.append(TimedText(text, parts[0].start, parts[-1].end))
    return words
