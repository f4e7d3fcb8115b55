"""What a text of a generating pipeline is returned as: ids, the new text, or all of it."""

from __future__ import annotations

from enum import Enum
from typing import Any

from automodel_core.errors import InputError, shown

__all__ = ["ReturnType", "return_type_of"]


class ReturnType(Enum):
    """The forms of an answer that was generated."""

    TENSORS = 0
    NEW_TEXT = 1
    FULL_TEXT = 2


def return_type_of(options: dict[str, Any], usual: ReturnType = ReturnType.FULL_TEXT) -> ReturnType:
    """Take what says the form of an answer out of options, and return it."""
    names = ("return_type", "return_full_text", "return_tensors", "return_text")
    form, full, tensors, text = (options.pop(name, None) for name in names)
    if isinstance(form, ReturnType):
        return form
    if form is not None:
        value = form.value if isinstance(form, Enum) else form
        # Of the two members that transformers has for pairs of texts, TEXT is the second.
        for known in ReturnType:
            if value == known.value:
                return known
        raise InputError(f"return_type={shown(form)} is not known")
    given = [n for n, v in zip(names[1:], (full, tensors, text), strict=True) if v is not None]
    if len(given) > 1:
        raise InputError(f"{' and '.join(given)} exclude each other: give one of them")
    if tensors:
        return ReturnType.TENSORS
    if full is None:
        return usual
    return ReturnType.FULL_TEXT if full else ReturnType.NEW_TEXT
