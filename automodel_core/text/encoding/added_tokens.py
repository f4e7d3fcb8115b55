"""Added tokens: texts that are never split, with rules for where they match."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tokenizers import AddedToken

from automodel_core.errors import CheckpointFormatError, shown
from automodel_core.text.encoding.rust import LARGEST_ID, rust_errors

__all__ = [
    "TokenLike",
    "added_token",
    "read_added_tokens",
    "read_token",
    "renamed_token",
    "token_rules",
    "with_default_tokens",
]

TokenLike = str | AddedToken

RULES = ("content", "single_word", "lstrip", "rstrip", "normalized", "special")


def added_token(token: TokenLike, *, special: bool = True) -> AddedToken:
    """Return ``token`` as an added token; a special one matches the text before normalisation."""
    if isinstance(token, AddedToken):
        return token
    return AddedToken(token, special=special, normalized=not special)


def read_token(value: Any) -> AddedToken:
    """Return the token of a file's entry, which is a text or an object of `RULES`."""
    if isinstance(value, AddedToken):
        return value
    if isinstance(value, str):
        with rust_errors(f"reading the token {shown(value)}"):
            return AddedToken(value, normalized=False, special=True)
    if not isinstance(value, Mapping) or not isinstance(value.get("content"), str):
        raise CheckpointFormatError(
            f"A token is a text or an object with 'content', got {shown(value)}"
        )
    with rust_errors(f"reading the token {shown(value)}"):
        return AddedToken(**{key: value[key] for key in RULES if value.get(key) is not None})


def read_added_tokens(value: Any) -> dict[int, AddedToken]:
    """Return the tokens of ``added_tokens_decoder`` by id, which JSON spells as a string."""
    ids = [str(key) for key in value] if isinstance(value, Mapping) else [""]
    if not all(text.isdecimal() and len(text) <= len(str(LARGEST_ID)) for text in ids):
        raise CheckpointFormatError(
            f"added_tokens_decoder must map ids to tokens, got {shown(value)}"
        )
    tokens: dict[int, AddedToken] = {}
    for text, entry in zip(ids, value.values(), strict=True):
        if int(text) in tokens:
            raise CheckpointFormatError(f"added_tokens_decoder has the id {int(text)} twice")
        tokens[int(text)] = read_token(entry)
    return dict(sorted(tokens.items()))


def renamed_token(token: TokenLike, names: Mapping[str, str]) -> TokenLike:
    """Return ``token`` with its new text according to ``names``, and the same matching rules."""
    text = names.get(str(token), str(token))
    if isinstance(token, str):
        return text
    return AddedToken(**{**token_rules(token), "content": text})


def with_default_tokens(
    settings: Mapping[str, Any], defaults: Mapping[str, TokenLike]
) -> dict[str, Any]:
    """Return settings with default special tokens for those that are missing.

    A token given as plain text gets its default's matching rules.
    """
    result = {**defaults, **settings}
    for name, default in defaults.items():
        if isinstance(default, AddedToken) and isinstance(result[name], str):
            result[name] = renamed_token(default, {default.content: result[name]})
    return result


def token_rules(token: AddedToken) -> dict[str, Any]:
    """Return the entry of a token in ``added_tokens_decoder``."""
    return {rule: getattr(token, rule) for rule in RULES}
