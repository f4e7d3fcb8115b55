"""The types of the settings and arguments that say how long sequences are."""

from __future__ import annotations

from typing import Any, Literal

from automodel_core.errors import TokenizationError, shown
from automodel_core.fields import NonNegativeInt, PositiveInt, check_for

__all__ = ["Side", "checked"]

Side = Literal["left", "right"]


def _input_names(value: Any) -> list[str]:
    names: list[str] = check_for(list[str])(value)
    if not names:
        raise ValueError("list of at least one str")
    return names


# None first: a call that gives no length pays for no exception.
CHECKS = {
    "clean_up_tokenization_spaces": check_for(bool),
    "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output": check_for(bool),
    "max_length": check_for(None | NonNegativeInt),
    "model_input_names": _input_names,
    "model_max_length": check_for(float),
    "pad_to_multiple_of": check_for(None | PositiveInt),
    "padding_side": check_for(Side),
    "split_special_tokens": check_for(bool),
    "stride": check_for(NonNegativeInt),
    "truncation_side": check_for(Side),
    "verbose": check_for(bool),
}


def checked(name: str, value: Any) -> Any:
    """Return the value of a setting, or raise `TokenizationError` that says what it must be."""
    try:
        return CHECKS[name](value)
    except ValueError as error:
        raise TokenizationError(f"{name} must be {error}, got {shown(value)}") from None
