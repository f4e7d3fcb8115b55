"""English numbers that are written out, as digits: ``twenty one dollars`` becomes ``$21``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction

ZEROS = frozenset({"o", "oh", "zero"})
ONES = {
    word: number
    for number, word in enumerate(
        (
            "one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
            "fifteen sixteen seventeen eighteen nineteen"
        ).split(),
        start=1,
    )
}
TENS = {
    word: 10 * number
    for number, word in enumerate(
        "twenty thirty forty fifty sixty seventy eighty ninety".split(), start=2
    )
}
MULTIPLIERS = {
    "hundred": 100,
    **{
        word: 1000**power
        for power, word in enumerate(
            (
                "thousand million billion trillion quadrillion quintillion sextillion septillion "
                "octillion nonillion decillion"
            ).split(),
            start=1,
        )
    },
}
ORDINALS = {
    "zeroth": (0, "th"), "first": (1, "st"), "second": (2, "nd"), "third": (3, "rd"),
    "fifth": (5, "th"), "twelfth": (12, "th"),
}  # fmt: skip
ENDED_ONES = {
    **{"sixes" if word == "six" else f"{word}s": (number, "s") for word, number in ONES.items()},
    **ORDINALS,
    **{
        f"{word}h" if word.endswith("t") else f"{word}th": (number, "th")
        for word, number in ONES.items()
        if number > 3 and number not in (5, 12)
    },
}
ENDED_TENS = {
    f"{word[:-1]}{end}": (number, short)
    for word, number in TENS.items()
    for end, short in (("ies", "s"), ("ieth", "th"))
}
ENDED_MULTIPLIERS = {
    f"{word}{end}": (number, end) for word, number in MULTIPLIERS.items() for end in ("s", "th")
}
SIGNS = {"minus": "-", "negative": "-", "plus": "+", "positive": "+"}
UNITS = {
    "pound": "£", "pounds": "£", "euro": "€", "euros": "€", "dollar": "$", "dollars": "$",
    "cent": "¢", "cents": "¢",
}  # fmt: skip
PREFIXES = frozenset({*SIGNS.values(), *UNITS.values()})
JOINING = frozenset({"and", "double", "triple", "point"})
DIGITS = frozenset({*ONES, *TENS, *ZEROS})
WORDS = frozenset(
    {
        *DIGITS, *ENDED_ONES, *ENDED_TENS, *MULTIPLIERS, *ENDED_MULTIPLIERS, *SIGNS, *UNITS,
        "per", "percent", *JOINING,
    }
)  # fmt: skip
NUMBER = re.compile(r"^\d+(\.\d+)?$")

Value = int | str | None
"""A number that is being read: as such, or as its digits where these are said one by one."""


def with_digits(text: str) -> str:
    """Return a text in lower case with its numbers as digits; a lone one stays a word."""
    read = " ".join(_Reader(_halves(text).split()).written())
    read = re.sub(r"([€£$])([0-9]+) (?:and )?¢([0-9]{1,2})\b", _with_cents, read)
    read = re.sub(r"[€£$]0.([0-9]{1,2})\b", lambda found: f"¢{int(found[1])}", read)
    return re.sub(r"\b1(s?)\b", r"one\1", read)


def _with_cents(found: re.Match[str]) -> str:
    return f"{found[1]}{found[2]}.{int(found[3]):02d}"


def _halves(text: str) -> str:
    """Return a text with ``point five`` behind numbers, and with digits and letters apart."""
    parts = re.split(r"\band\s+a\s+half\b", text)
    kept = []
    for place, part in enumerate(parts):
        if not part.strip():
            continue
        kept.append(part)
        if place < len(parts) - 1:
            last = part.rsplit(maxsplit=2)[-1]
            counts = last in DIGITS or last in MULTIPLIERS
            kept.append("point five" if counts else "and a half")
    text = " ".join(kept)
    text = re.sub(r"([a-z])([0-9])", r"\1 \2", text)
    text = re.sub(r"([0-9])([a-z])", r"\1 \2", text)
    return re.sub(r"([0-9])\s+(st|nd|rd|th|s)\b", r"\1\2", text)


def _appended(value: Value, number: int, before: str | None) -> int | str:
    """Return a value with a number said after it: added where it fits, or else its digits."""
    if value is None:
        return number
    if number < 20 and (isinstance(value, str) or before in ONES):
        digits = str(value)
        return f"{digits[:-1] if before in TENS and number < 10 else digits}{number}"
    if isinstance(value, str) or value % (10 if number < 10 else 100):
        return f"{value}{number}"
    return value + number


def _fraction(digits: Value) -> Fraction | None:
    try:
        return Fraction(digits or 0)
    except ValueError:
        return None


class _Reader:
    """Reads words one by one; ``value`` and ``prefix`` are of the number that is not ended yet."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = words
        self.value: Value = None
        self.prefix: str | None = None
        self.skips = False

    def written(self) -> Iterator[str]:
        """Yield the words of the text with its numbers as digits."""
        for place, word in enumerate(self.words):
            if self.skips:
                self.skips = False
                continue
            before = self.words[place - 1] if place else None
            after = self.words[place + 1] if place + 1 < len(self.words) else None
            yield from self._read(word, before, after)
        yield from self._ended()

    def _out(self, text: int | str) -> str:
        result = f"{self.prefix or ''}{text}"
        self.value = self.prefix = None
        return result

    def _ended(self) -> Iterator[str]:
        if self.value is not None:
            yield self._out(self.value)

    def _read(self, word: str, before: str | None, after: str | None) -> Iterator[str]:
        has_prefix = word[0] in PREFIXES
        digits = word[1:] if has_prefix else word
        if NUMBER.match(digits):
            if isinstance(self.value, str) and self.value.endswith("."):
                self.value += word
                return
            yield from self._ended()
            self.prefix = word[0] if has_prefix else self.prefix
            whole = Fraction(digits)
            self.value = whole.numerator if whole.denominator == 1 else digits
        elif word not in WORDS:
            yield from self._ended()
            yield self._out(word)
        elif word in ZEROS:
            self.value = f"{self.value or ''}0"
        elif word in ONES or word in TENS:
            self.value = _appended(self.value, ONES.get(word) or TENS[word], before)
        elif word in ENDED_ONES or word in ENDED_TENS:
            number, end = (ENDED_ONES if word in ENDED_ONES else ENDED_TENS)[word]
            yield self._out(f"{_appended(self.value, number, before)}{end}")
        elif word in MULTIPLIERS:
            yield from self._multiplied(MULTIPLIERS[word], self.value == 0)
        elif word in ENDED_MULTIPLIERS:
            number, end = ENDED_MULTIPLIERS[word]
            yield from self._multiplied(number, False)
            yield self._out(f"{self.value}{end}")
        else:
            yield from self._joined(word, before, after)

    def _multiplied(self, number: int, is_zero: bool) -> Iterator[str]:
        """Multiply what stands before; where that is no whole number, write it and begin anew."""
        if self.value is None:
            self.value = number
        elif isinstance(self.value, str) or is_zero:
            fraction = _fraction(self.value)
            product = None if fraction is None else fraction * number
            if product is not None and product.denominator == 1:
                self.value = product.numerator
            else:
                yield self._out(self.value)
                self.value = number
        else:
            rest = self.value % 1000
            self.value = self.value - rest + rest * number

    def _joined(self, word: str, before: str | None, after: str | None) -> Iterator[str]:
        """Read a sign, a unit, per cent, or a word that joins numbers."""
        goes_on = after is not None and (after in WORDS or bool(NUMBER.match(after)))
        if word in SIGNS:
            yield from self._ended()
            if goes_on:
                self.prefix = SIGNS[word]
            else:
                yield self._out(word)
        elif word in UNITS and self.value is not None:
            self.prefix = UNITS[word]
            yield self._out(self.value)
        elif word == "percent" and self.value is not None:
            yield self._out(f"{self.value}%")
        elif word == "per" and self.value is not None and after == "cent":
            yield self._out(f"{self.value}%")
            self.skips = True
        elif word == "and" and goes_on and before in MULTIPLIERS:
            return
        elif word in ("double", "triple") and (after in ONES or after in ZEROS):
            digit = ONES.get(after or "", 0)
            self.value = f"{self.value or ''}{str(digit) * (2 if word == 'double' else 3)}"
            self.skips = True
        elif word == "point" and goes_on:
            if after in DIGITS or NUMBER.match(after or ""):
                self.value = f"{self.value or ''}."
        else:
            yield from self._ended()
            yield self._out(word)
