"""Numbers in a text to English words."""

from __future__ import annotations

import re

ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
THOUSANDS = (
    "", " thousand", " million", " billion", " trillion", " quadrillion", " quintillion",
    " sextillion", " septillion", " octillion", " nonillion", " decillion",
)  # fmt: skip
CURRENCIES = {
    "$": "dollars", "€": "euros", "£": "pounds", "¢": "cents", "¥": "japanese yen",
    "﷼": "saudi riyal", "₹": "indian rupees", "₽": "russian rubles", "฿": "thai baht",
    "₺": "turkish liras", "₴": "ukrainian hryvnia", "₣": "swiss francs",
    "₡": "costa rican colon", "₱": "philippine peso", "₪": "israeli shekels",
    "₮": "mongolian tögrög", "₩": "south korean won", "₦": "nigerian naira",
    "₫": "vietnamese Đồng",
}  # fmt: skip
BETWEEN_DIGITS = re.compile(r"(?<=\d),(?=\d)")
NUMBER = re.compile(rf"(?<!\w)(-?)([{''.join(CURRENCIES)}]?)(\d+)(?:\.(\d+))?(%?)(?!\w)")


def spell_numbers(text: str) -> str:
    """Return a text whose numbers, shares and prices are words: "$5" is "five dollars"."""
    spelled = NUMBER.sub(_spelled, BETWEEN_DIGITS.sub("", text))
    return re.sub(" +", " ", spelled)


def _spelled(match: re.Match[str]) -> str:
    minus, currency, whole, decimals, percent = match.groups()
    words = ["minus"] if minus else []
    words.append(_of_integer(whole))
    if decimals and decimals != "00":
        words += ["point", *(ONES[int(digit)] for digit in decimals)]
    words += ["percent"] if percent else []
    words += [CURRENCIES[currency]] if currency else []
    return " ".join(words)


def _of_integer(digits: str) -> str:
    """Return the words of an integer; one that is too long for words has those of its digits."""
    if not int(digits):
        return ONES[0]
    if len(digits) > 3 * len(THOUSANDS):
        return " ".join(ONES[int(digit)] for digit in digits)
    groups = f"{int(digits):,}".split(",")
    units = THOUSANDS[: len(groups)][::-1]
    spoken = ((int(group), unit) for group, unit in zip(groups, units, strict=True))
    return " ".join(_below_thousand(value) + unit for value, unit in spoken if value)


def _below_thousand(value: int) -> str:
    hundreds, rest = divmod(value, 100)
    words = [f"{ONES[hundreds]} hundred"] if hundreds else []
    if rest:
        tens, ones = divmod(rest, 10)
        spoken = ONES[rest] if rest < 20 else TENS[tens] + (f" {ONES[ones]}" if ones else "")
        words.append(spoken)
    return " and ".join(words)
