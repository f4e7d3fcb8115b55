"""Texts as they are compared: without case, punctuation and differences of spelling."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from tokenizers import Regex, pre_tokenizers

from automodel_whisper.numbers import with_digits

# Letters that Unicode does not take for a letter with a mark.
LETTERS = str.maketrans(
    {
        "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "æ": "ae", "Æ": "AE", "ß": "ss", "ẞ": "SS",
        "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "th", "ł": "l", "Ł": "L",
    }
)  # fmt: skip

FILLERS = r"\b(hmm|mm|mhm|mmm|uh|um)\b"

EXPANSIONS = {
    r"\bwon't\b": "will not", r"\bcan't\b": "can not", r"\blet's\b": "let us",
    r"\bain't\b": "aint", r"\by'all\b": "you all", r"\bwanna\b": "want to",
    r"\bgotta\b": "got to", r"\bgonna\b": "going to", r"\bi'ma\b": "i am going to",
    r"\bimma\b": "i am going to", r"\bwoulda\b": "would have", r"\bcoulda\b": "could have",
    r"\bshoulda\b": "should have", r"\bma'am\b": "madam",
    **{
        rf"\b{short}\b": f"{title} "
        for short, title in (
            ("mr", "mister"), ("mrs", "missus"), ("st", "saint"), ("dr", "doctor"),
            ("prof", "professor"), ("capt", "captain"), ("gov", "governor"), ("ald", "alderman"),
            ("gen", "general"), ("sen", "senator"), ("rep", "representative"),
            ("pres", "president"), ("rev", "reverend"), ("hon", "honorable"),
            ("asst", "assistant"), ("assoc", "associate"), ("lt", "lieutenant"),
            ("col", "colonel"), ("jr", "junior"), ("sr", "senior"), ("esq", "esquire"),
        )
    },
    r"'d been\b": " had been", r"'s been\b": " has been", r"'d gone\b": " had gone",
    r"'s gone\b": " has gone", r"'d done\b": " had done", r"'s got\b": " has got",
    r"n't\b": " not", r"'re\b": " are", r"'s\b": " is", r"'d\b": " would", r"'ll\b": " will",
    r"'t\b": " not", r"'ve\b": " have", r"'m\b": " am",
}  # fmt: skip
"""What contractions and titles stand for, in the order in which they are looked for."""

OF_NUMBERS = ".%$¢€£"


def without_symbols(text: str) -> str:
    """Return a text with spaces in the place of marks, symbols and punctuation."""
    composed = unicodedata.normalize("NFKC", text)
    return "".join(" " if unicodedata.category(char)[0] in "MSP" else char for char in composed)


def without_marks(text: str, keep: str = "") -> str:
    """Return a text without diacritics, and with spaces for other marks and symbols."""
    return "".join(_plain(char, keep) for char in unicodedata.normalize("NFKD", text))


def _plain(char: str, keep: str) -> str:
    if char in keep:
        return char
    if ord(char) in LETTERS:
        return char.translate(LETTERS)
    category = unicodedata.category(char)
    if category == "Mn":
        return ""
    return " " if category[0] in "MSP" else char


def _without_asides(text: str) -> str:
    """Return a text in lower case, without what stands in brackets."""
    text = re.sub(r"[<\[][^>\]]*[>\]]", "", text.lower())
    return re.sub(r"\(([^)]+?)\)", "", text)


class BasicTextNormalizer:
    """Normalises texts of any language.

    ``remove_diacritics`` takes marks from letters; ``split_letters`` puts a space between all.
    """

    def __init__(self, remove_diacritics: bool = False, split_letters: bool = False) -> None:
        self.clean = without_marks if remove_diacritics else without_symbols
        self.split_letters = split_letters

    def __call__(self, s: str) -> str:
        text = self.clean(_without_asides(s)).lower()
        if self.split_letters:
            split = pre_tokenizers.Split(Regex(r"\X"), "isolated")
            text = " ".join(letter for letter, _ in split.pre_tokenize_str(text))
        return re.sub(r"\s+", " ", text)


class EnglishTextNormalizer:
    """Normalises English: contractions, titles, numbers, and British spelling by a mapping."""

    def __init__(self, english_spelling_mapping: Mapping[str, str] | None = None) -> None:
        self.spelling = dict(english_spelling_mapping or {})

    def __call__(self, s: str) -> str:
        text = re.sub(FILLERS, "", _without_asides(s))
        text = re.sub(r"\s+'", "'", text)
        for short, long in EXPANSIONS.items():
            text = re.sub(short, long, text)
        text = re.sub(r"(\d),(\d)", r"\1\2", text)
        text = re.sub(r"\.([^0-9]|$)", r" \1", text)
        text = with_digits(without_marks(text, keep=OF_NUMBERS))
        text = " ".join(self.spelling.get(word, word) for word in text.split())
        # Signs of currencies and per cent that no number is beside.
        text = re.sub(r"[.$¢€£]([^0-9])", r" \1", text)
        text = re.sub(r"([^0-9])%", r"\1 ", text)
        return re.sub(r"\s+", " ", text)
