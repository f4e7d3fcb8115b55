"""Keys of a configuration in one text: ``"n_embd=10,resid_pdrop=0.2,scale=true"``."""

from __future__ import annotations

from typing import Any

from automodel_core.errors import ConfigurationError, did_you_mean, shown

__all__ = ["parsed_keys"]

TRUTHS = {"true": True, "1": True, "yes": True, "y": True}
TRUTHS |= {"false": False, "0": False, "no": False, "n": False}


def parsed_keys(config: Any, text: str) -> dict[str, Any]:
    """Return the values in a text, each of the type that the configuration's has now.

    Raises `ConfigurationError` for unknown keys and for values of another type.
    """
    values: dict[str, Any] = {}
    for item in text.split(","):
        key, separator, value = item.partition("=")
        name = config._field_name(key)
        if not separator:
            raise ConfigurationError(
                f"{shown(item)} is no key with a value: give them as in 'hidden_size=10,scale=true'"
            )
        if name not in vars(config):
            question = did_you_mean(key, config)
            raise ConfigurationError(f"{type(config).__name__} has no key {shown(key)}{question}")
        values[name] = _as_type_of(vars(config)[name], key, value)
    return values


def _as_type_of(old: Any, key: str, text: str) -> Any:
    if isinstance(old, bool) and text.lower() in TRUTHS:
        return TRUTHS[text.lower()]
    if isinstance(old, str):
        return text
    try:
        if isinstance(old, int | float) and not isinstance(old, bool):
            return type(old)(text)
    except ValueError:
        pass
    raise ConfigurationError(
        f"{key}={shown(text)} cannot be used: it is {shown(old)} now, and a text can only give "
        "another number for a number, true or false for a truth, and a text for a text"
    )
