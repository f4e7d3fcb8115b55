"""Refuse tokenizer files that would take memory without bound: before they are built, or used.

A step may replace one character by many, and the next step each of these again. A table of
characters may say that it is larger than it is, for which the Rust library aborts the process. An
id may lie far beyond all others, for which lists by id are made.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tokenizers import Tokenizer

from automodel_core.errors import CheckpointFormatError, TokenizationError, shown

__all__ = ["check_charsmap", "check_growth", "check_pipeline", "check_vocabulary"]

MOST_GROWTH = 10_000
"""How many characters may become of one."""
MOST_IDS = 10_000_000
"""Ids of tokens are below it."""
_OTHER = ""
"""Stands for all characters that no step names."""
_TABLE = "precompiled_charsmap"
_ESCAPED_LETTER = re.compile(r"\\u00(?:5f|4[1-9a-f]|5[0-9a]|6[1-9a-f]|7[0-9a])", re.IGNORECASE)
_LARGE_NUMBER = re.compile(r":\s*\d{8}")
_LONGEST = {
    "NFC": 3,
    "NFD": 4,
    "NFKC": 18,
    "NFKD": 18,
    "BertNormalizer": 3,
    "ByteLevel": 4,
    "Lowercase": 3,
    "Nmt": 1,
    "Precompiled": 20,
}
"""How many characters the steps that replace no text make of one, and of any other one."""


def check_charsmap(table: bytes) -> None:
    """Raise `TokenizationError` for a table whose trie is not as long as it says."""
    length = int.from_bytes(table[:4], "little")
    if len(table) < 4 or length % 4 or not 0 < length <= len(table) - 4:
        raise TokenizationError(
            f"{_TABLE} has {len(table)} bytes, and says that its first {length} after 4 are a trie"
        )


def check_pipeline(content: str, where: str) -> None:
    """Raise `CheckpointFormatError` for a ``tokenizer.json`` with such a table, or such an id."""
    # Nobody writes letters as numbers, except to hide them: otherwise, a look is enough.
    state = _parsed(content) if _ESCAPED_LETTER.search(content) else None
    found: Iterable[object] = _tables(state)
    if state is None and _TABLE in content:
        found = re.findall(rf'"{_TABLE}"\s*:\s*"([^"\\]*)"', content)
    for text in found:
        try:
            check_charsmap(base64.b64decode(str(text), validate=True))
        except (TokenizationError, binascii.Error) as error:
            raise CheckpointFormatError(f"{shown(where)}: {error}") from error
    if _LARGE_NUMBER.search(content):
        state = state or _parsed(content)
        model = state.get("model") if isinstance(state, Mapping) else None
        _check_ids(model.get("vocab") if isinstance(model, Mapping) else None, where)


def check_vocabulary(content: str, where: str) -> None:
    """Raise `CheckpointFormatError` for a ``vocab.json`` with such an id."""
    if _LARGE_NUMBER.search(content):
        _check_ids(_parsed(content), where)


def _check_ids(vocabulary: object, where: str) -> None:
    ids = vocabulary.items() if isinstance(vocabulary, Mapping) else ()
    for token, index in ids:
        if isinstance(index, int) and index >= MOST_IDS:
            raise CheckpointFormatError(
                f"{shown(where)}: the id of {shown(token)} is {index}, and ids are below {MOST_IDS}"
            )


def _parsed(content: str) -> object:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None  # the library says what is wrong


def _tables(value: object) -> Iterator[object]:
    """Yield all tables of characters within a parsed file."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping):
            if isinstance(value.get(_TABLE), str):
                yield value[_TABLE]
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def check_growth(rust: Tokenizer, where: str) -> None:
    """Raise `CheckpointFormatError` if texts may become too long by a tokenizer's steps."""
    for kind in ("normalizer", "decoder"):
        step = getattr(rust, kind)
        steps = [] if step is None else list(_steps(json.loads(step.__getstate__())))
        growth = _growth(steps)
        if growth > MOST_GROWTH:
            raise CheckpointFormatError(
                f"{shown(where)}: the {kind} may make {growth:.3g} characters of one, and more "
                f"than {MOST_GROWTH} are refused; its steps are {shown(steps)}"
            )


def _steps(state: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    """Yield the steps within sequences, in their order."""
    inner = state.get("normalizers", state.get("decoders"))
    if inner is None:
        yield state
    else:
        for part in inner:
            yield from _steps(part)


def _growth(steps: list[Mapping[str, Any]]) -> float:
    """Return how many characters may become of one by all steps."""
    lengths: dict[str, float] = {_OTHER: 1.0}
    for step in reversed(steps):  # the lengths are those after this step and all that follow
        kind = step.get("type")
        if kind != "Replace":
            lengths = {_OTHER: _LONGEST.get(str(kind), 1) * max(lengths.values())}
            continue
        pattern, content = step["pattern"], step["content"]
        made = sum(lengths.get(character, lengths[_OTHER]) for character in content)
        if "String" in pattern:
            text = pattern["String"]
            if not text:
                return float("inf")
            for character in text:
                now = lengths.get(character, lengths[_OTHER])
                lengths[character] = max(now, made / len(text))
        elif _matches_nothing(pattern["Regex"]):
            lengths = {character: length + made for character, length in lengths.items()}
        else:
            lengths = {character: max(length, made) for character, length in lengths.items()}
    return max(lengths.values())


def _matches_nothing(pattern: str) -> bool:
    """Return whether a regular expression matches between characters, as far as can be known."""
    try:
        matches = (match for text in ("", " a", "a ") for match in re.finditer(pattern, text))
        return any(not match.group() for match in matches)
    except re.error:
        return False
