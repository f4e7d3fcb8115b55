"""Numbers and dates in texts, as TAPAS was taught them."""

from __future__ import annotations

import datetime
import math
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple


class Date(NamedTuple):
    """A date, or what a text says of one."""

    year: int | None = None
    month: int | None = None
    day: int | None = None


Quantity = float | Date
Span = tuple[int, int]

NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve".split()
ORDINALS = (
    "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
).split()
WORDS = {word: float(n) for words in (NUMBERS, ORDINALS) for n, word in enumerate(words)}
ORDINAL_ENDS = ("st", "nd", "rd", "th")
DIGITS = re.compile(r"(?:(?:^|\s)[+-])?(?:\d+(?:,\d{3})*(?:\.\d*)?|\.\d+)")
WORDS_IN_A_DATE = 5
FIRST_YEAR, LAST_YEAR = 1700, 2016
"""Other years are taken for numbers."""

MONTHS = (
    "january february march april may june july august september october november december"
).split()
WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
DATE_PARTS = {
    "Y": r"(?P<year>\d{4})",
    "month": rf"(?P<name>{'|'.join(MONTHS)})",
    "mon": rf"(?P<name>{'|'.join(month[:3] for month in MONTHS)})",
    "m": r"(?P<month>1[0-2]|0[1-9]|[1-9])",
    "d": r"(?P<day>3[01]|[12]\d|0[1-9]|[1-9])",
    "weekday": rf"(?:{'|'.join(WEEKDAYS)})",
}
DATE_FORMATS = (
    "{month}",
    "{Y}",
    "{Y}s",
    *(f"{{{name}}} {{Y}}" for name in ("mon", "month")),
    *(f"{{{name}}} {{d}}" for name in ("mon", "month")),
    *(f"{{d}} {{{name}}}" for name in ("mon", "month")),
    *(f"{{{name}}} {{d}}, {{Y}}" for name in ("mon", "month")),
    *(f"{{d}} {{{name}}} {{Y}}" for name in ("mon", "month")),
    *(f"{{weekday}}, {{{name}}} {{d}}" for name in ("mon", "month")),
    "{m}-{d}-{Y}",
    "{Y}-{m}-{d}",
    "{Y}-{m}",
    "{d}[.]{m}[.]{Y}",
)
DATES = [re.compile(form.replace(" ", r"\s+").format(**DATE_PARTS)) for form in DATE_FORMATS]
MONTH_NUMBERS = {month[:3]: number for number, month in enumerate(MONTHS, 1)}


def quantities(text: str) -> list[Quantity]:
    """Return the numbers and dates of a text in order; one that is both is both, the number first.

    Case and spaces do not matter. What lies within something longer does not count.
    """
    text = " ".join(text.lower().split())
    found: dict[Span, list[Quantity]] = defaultdict(list)
    for match in DIGITS.finditer(text):
        _add(found, match.span(), _number(match[0]))
    for begin, end in list(_words(text, 1)):
        if (begin, end) not in found:
            word = text[begin:end]
            _add(found, (begin, end), _number(word))
            _add(found, (begin, end), WORDS.get(word))
    for begin, end in _words(text, WORDS_IN_A_DATE):
        _add(found, (begin, end), _date(text[begin:end]))
    kept: list[Span] = []
    for span in sorted(found, key=lambda span: (span[0] - span[1], span[0])):
        if not any(other[0] <= span[0] and span[1] <= other[1] for other in kept):
            kept.append(span)
    return [quantity for span in sorted(kept) for quantity in found[span]]


def _add(found: dict[Span, list[Quantity]], span: Span, quantity: Quantity | None) -> None:
    if quantity is not None:
        found[span].append(quantity)


def _words(text: str, most: int) -> Iterator[Span]:
    """Yield where there are up to so many words on end, of letters and digits."""
    begins: list[int] = []
    for place, letter in enumerate(text):
        if not letter.isalnum():
            continue
        if place == 0 or not text[place - 1].isalnum():
            begins.append(place)
        if place + 1 == len(text) or not text[place + 1].isalnum():
            yield from ((begin, place + 1) for begin in begins[-most:])


def _number(text: str) -> float | None:
    end = next((end for end in ORDINAL_ENDS if text.endswith(end)), "")
    try:
        number = float(text.removesuffix(end).replace(",", ""))
    except ValueError:
        return None
    return None if math.isnan(number) or number == math.inf else number


def _date(text: str) -> Date | None:
    if text not in MONTHS and not any(letter.isdecimal() for letter in text):
        return None
    for form in DATES:
        match = form.fullmatch(text)
        if match is None:
            continue
        parts = match.groupdict()
        year, day = parts.get("year"), parts.get("day")
        month = MONTH_NUMBERS.get((parts.get("name") or "")[:3]) or parts.get("month")
        date = Date(*(None if part is None else int(part) for part in (year, month, day)))
        if _exists(date):
            return date
    return None


def _exists(date: Date) -> bool:
    """Return whether there is such a date; without a year it is one of 1900, no leap year."""
    year, month, day = date
    try:
        datetime.date(1900 if year is None else year, month or 1, day or 1)
    except ValueError:
        return False
    return year is None or FIRST_YEAR <= year <= LAST_YEAR
