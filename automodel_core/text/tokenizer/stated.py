"""What a tokenizer's files state, checked file by file before a tokenizer is built of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import FunctionType, NoneType, SimpleNamespace, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from tokenizers import AddedToken

from automodel_core.checkpoint.places.json_files import (
    MOST_BYTES_OF_TABLES,
    has_surrogates,
    read_json,
)
from automodel_core.errors import AutomodelError, CheckpointFormatError, shown
from automodel_core.fields import Check, check_for
from automodel_core.text.encoding.added_tokens import TokenLike, read_added_tokens, read_token
from automodel_core.text.encoding.checks import CHECKS
from automodel_core.text.tokenizer.special_tokens import EXTRA_NAMES, NAMED_TOKENS

__all__ = ["stated_in"]

_TABLES = (*EXTRA_NAMES, "model_specific_special_tokens")
_TOKENS: Mapping[str, Check] = {
    **dict.fromkeys(NAMED_TOKENS, check_for(TokenLike)),
    **dict.fromkeys(_TABLES, check_for(list[TokenLike] | dict[str, TokenLike])),
    "processor_class": check_for(str),
}
_PLAIN = (bool, int, float, str, NoneType, AddedToken)
_GENERIC = (Union, UnionType, Annotated, list, dict, Sequence)


def stated_in(path: Path, cls: type, *, special: bool = False) -> dict[str, Any]:
    """Return the settings of a file, with objects for the tokens that it describes.

    ``special`` says that these are special tokens. ``null`` for what ``cls`` needs is left out.
    Raises `CheckpointFormatError` for a value of another type than tokenizers, or ``cls``, take.
    """
    own = _arguments(cls)
    checks = {**own, **_TOKENS, **CHECKS}
    settings: dict[str, Any] = {}
    for key, value in read_json(path, max_bytes=MOST_BYTES_OF_TABLES).items():
        if value is None:
            if key not in own or _accepts_none(own[key]):
                settings[key] = None
            continue
        try:
            read = _with_tokens(key, value, special)
            settings[key] = checks[key](read) if key in checks else read
        except AutomodelError as error:
            raise CheckpointFormatError(f"{shown(str(path))}, {key}: {error}") from error
        except ValueError as error:
            raise CheckpointFormatError(
                f"{shown(str(path))}: {key}={shown(value)} cannot be used: expected {error}"
            ) from None
    return settings


def _with_tokens(key: str, value: Any, special: bool) -> Any:
    """Return a setting with objects for the tokens that it describes; other values as they are."""
    if key == "added_tokens_decoder":
        return read_added_tokens(value)
    if key in NAMED_TOKENS:
        return _token(value, special)
    if key in _TABLES and isinstance(value, list):
        return [_token(token, special) for token in value]
    if key in _TABLES and isinstance(value, Mapping):
        return {name: _token(token, special) for name, token in value.items()}
    return value


def _token(value: Any, special: bool) -> Any:
    if not isinstance(value, Mapping):
        if isinstance(value, str) and has_surrogates(value):
            raise ValueError("text without lone surrogates, which are halves of characters")
        return value
    return read_token({**value, "special": True} if special else value)


def _accepts_none(check: Check) -> bool:
    try:
        check(None)
    except ValueError:
        return False
    return True


@cache
def _arguments(cls: type) -> Mapping[str, Check]:
    """Return checks of the constructor's arguments, as far as annotations say what JSON may hold.

    Arguments that pass through ``**settings`` to a base class are those of the base class.
    """
    checks: dict[str, Check] = {}
    for base in reversed(cls.__mro__):
        init = vars(base).get("__init__")
        if isinstance(init, FunctionType):
            for name, annotation in init.__annotations__.items():
                hint = _resolved(annotation, init)
                if hint is not None and _is_plain(hint):
                    checks[name] = check_for(hint)
    return checks


def _resolved(annotation: Any, function: FunctionType) -> Any | None:
    """Return what an annotation means, or ``None`` if only type checkers know its names."""
    holder = SimpleNamespace(__annotations__={"it": annotation})
    try:
        return get_type_hints(holder, function.__globals__, include_extras=True)["it"]
    except NameError:
        return None


def _is_plain(hint: Any) -> bool:
    origin = get_origin(hint)
    if origin is Annotated:
        return _is_plain(get_args(hint)[0])
    if origin in _GENERIC:
        return all(map(_is_plain, get_args(hint)))
    return origin is Literal or hint in _PLAIN
