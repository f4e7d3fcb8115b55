"""Write a tokenizer's files, so that transformers of either generation reads them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Protocol

from tokenizers import AddedToken

from automodel_core.checkpoint.places.exchange import exchange_files
from automodel_core.checkpoint.places.file_names import plain_name
from automodel_core.checkpoint.places.json_files import json_bytes
from automodel_core.text.encoding.added_tokens import TokenLike, token_rules
from automodel_core.text.protocol import Backends, LengthSettings
from automodel_core.text.tokenizer.loading import (
    CHAT_TEMPLATE,
    CONFIG,
    NOT_SETTINGS,
    SPECIAL_TOKENS,
    TOKENIZER,
)
from automodel_core.text.tokenizer.special_tokens import NAMED_TOKENS

__all__ = ["SavableTokenizer", "save"]

WRITTEN_ANEW = frozenset(
    {
        *("add_bos_token", "add_eos_token", "added_tokens_decoder", "chat_template"),
        *("extra_special_tokens", "model_specific_special_tokens"),
    }
)
"""Settings that are written from the tokenizer's present state, or to other files."""


class SavableTokenizer(Backends, LengthSettings, Protocol):
    """What saving reads of a tokenizer."""

    vocab_files_names: ClassVar[dict[str, str]]
    init_kwargs: dict[str, Any]
    chat_template: str | dict[str, str] | None
    clean_up_tokenization_spaces: bool
    split_special_tokens: bool
    _processor_class: str | None

    @property
    def special_tokens_map(self) -> dict[str, str]: ...

    @property
    def special_tokens_map_extended(self) -> dict[str, TokenLike | list[TokenLike]]: ...

    @property
    def additional_special_tokens(self) -> list[str]: ...

    @property
    def added_tokens_decoder(self) -> dict[int, AddedToken]: ...

    @property
    def saved_class_name(self) -> str: ...

    @property
    def can_save_slow_tokenizer(self) -> bool: ...

    def token_named(self, name: str) -> str | None: ...

    def save_vocabulary(
        self, save_directory: str | os.PathLike[str], filename_prefix: str | None = None
    ) -> tuple[str, ...]: ...


def save(
    tokenizer: SavableTokenizer,
    directory: str | os.PathLike[str],
    prefix: str,
    jinja_files: bool,
) -> tuple[str, ...]:
    """Write every file that transformers of either generation reads, and return the paths.

    All are exchanged at once, see `exchange_files`; a template that is no more vanishes with them.
    """
    start = f"{plain_name(prefix)}-" if prefix else ""
    settings = _saved_settings(tokenizer)
    template = tokenizer.chat_template
    texts: dict[str, bytes] = {}
    if isinstance(template, str) and jinja_files:
        texts[CHAT_TEMPLATE] = template.encode("utf-8")
    elif isinstance(template, Mapping):
        settings["chat_template"] = [
            {"name": name, "template": text} for name, text in template.items()
        ]
    elif template is not None:
        settings["chat_template"] = template
    texts[CONFIG] = json_bytes(settings, CONFIG)
    special = _saved_special(tokenizer.special_tokens_map_extended)
    texts[SPECIAL_TOKENS] = json_bytes(special, SPECIAL_TOKENS)
    if TOKENIZER in tokenizer.vocab_files_names.values():
        texts[TOKENIZER] = tokenizer._backend.to_json().encode("utf-8")
    with exchange_files(directory) as exchange:
        for name, text in texts.items():
            exchange.write(f"{start}{name}", text)
        written = [f"{start}{name}" for name in texts]
        if tokenizer.can_save_slow_tokenizer:
            vocabulary = tokenizer.save_vocabulary(exchange.staging, prefix or None)
            written.extend(Path(path).name for path in vocabulary)
        exchange.remove({f"{start}{CHAT_TEMPLATE}"})
    return tuple(str(exchange.folder / name) for name in written)


def _saved_settings(tokenizer: SavableTokenizer) -> dict[str, Any]:
    kept = {
        key: value
        for key, value in tokenizer.init_kwargs.items()
        if key not in NOT_SETTINGS and key not in WRITTEN_ANEW
    }
    kept = {
        key: str(value) if isinstance(value, AddedToken) else value for key, value in kept.items()
    }
    own = {
        name: token
        for name, token in tokenizer.special_tokens_map.items()
        if name not in NAMED_TOKENS
    }
    named = {
        name: token
        for name in NAMED_TOKENS
        if (token := tokenizer.token_named(name)) is not None or name in kept
    }
    settings = {
        **{key: value for key, value in kept.items() if key not in own},
        **named,
        "model_max_length": tokenizer.model_max_length,
        "padding_side": tokenizer.padding_side,
        "truncation_side": tokenizer.truncation_side,
        "model_input_names": list(tokenizer.model_input_names),
        "clean_up_tokenization_spaces": tokenizer.clean_up_tokenization_spaces,
        "added_tokens_decoder": {
            str(index): token_rules(token)
            for index, token in sorted(tokenizer.added_tokens_decoder.items())
        },
        # Read by older versions, which know no plain list under extra_special_tokens.
        "additional_special_tokens": tokenizer.additional_special_tokens,
        "tokenizer_class": tokenizer.saved_class_name,
    }
    if own:
        settings["extra_special_tokens"] = own
    if tokenizer._processor_class is not None:
        settings["processor_class"] = tokenizer._processor_class
    if tokenizer.split_special_tokens:
        settings["split_special_tokens"] = True
    return settings


def _saved_special(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _saved_special(token) for key, token in value.items()}
    if isinstance(value, list):
        return [_saved_special(token) for token in value]
    if isinstance(value, AddedToken):
        return {key: rule for key, rule in token_rules(value).items() if key != "special"}
    return value
