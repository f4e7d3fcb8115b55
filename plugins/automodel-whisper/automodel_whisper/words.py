"""Tokens joined to words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

UNSPACED = frozenset({"chinese", "japanese", "thai", "lao", "myanmar", "cantonese"})
"""Languages that put no spaces between words."""
OPENING = "\"'“¡¿([{-"
CLOSING = "\"'.。,，!！?？:：”)]}、"  # noqa: RUF001
PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
BROKEN = "\ufffd"
"""What bytes that are no whole character decode to."""


@dataclass
class Word:
    """A word, and the places of its tokens."""

    text: str
    places: list[int]


def words_of(
    tokens: Sequence[int], decode: Callable[[Sequence[int]], str], language: str | None, end: int
) -> list[Word]:
    """Return the words of tokens; those from ``end`` on are no text, and words by themselves."""
    words = characters(tokens, decode)
    if language not in UNSPACED:
        words = _spaced(words, tokens, end)
    return _with_punctuation(words)


def characters(tokens: Sequence[int], decode: Callable[[Sequence[int]], str]) -> list[Word]:
    """Return the shortest runs of tokens that decode to whole characters."""
    whole, found, places, length = decode(tokens), [], list[int](), 0
    for place in range(len(tokens)):
        places.append(place)
        text = decode([tokens[i] for i in places])
        at = length + text.find(BROKEN)
        # The text itself may have a broken character there.
        if BROKEN not in text or at >= len(whole) or whole[at] == BROKEN:
            found.append(Word(text, places))
            places, length = [], length + len(text)
    return found


def _spaced(parts: Sequence[Word], tokens: Sequence[int], end: int) -> list[Word]:
    words: list[Word] = []
    for part in parts:
        begins = part.text.startswith(" ") or part.text.strip() in PUNCTUATION
        if begins or tokens[part.places[0]] >= end or not words:
            words.append(part)
        else:
            words[-1] = Word(words[-1].text + part.text, words[-1].places + part.places)
    return words


def _with_punctuation(words: list[Word]) -> list[Word]:
    """Join opening marks with the word behind them, closing ones with the word before."""
    joined: list[Word] = []
    for word in reversed(words):
        opens = word.text.startswith(" ") and word.text.strip() in OPENING
        if opens and joined:
            joined[-1] = Word(word.text + joined[-1].text, word.places + joined[-1].places)
        else:
            joined.append(word)
    closed: list[Word] = []
    for word in reversed(joined):
        if closed and not closed[-1].text.endswith(" ") and word.text in CLOSING:
            closed[-1] = Word(closed[-1].text + word.text, closed[-1].places + word.places)
        else:
            closed.append(word)
    return closed
