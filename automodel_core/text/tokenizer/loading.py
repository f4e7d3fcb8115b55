"""Read a tokenizer's files.

``tokenizer.json`` holds the whole pipeline, ``tokenizer_config.json`` the settings. The older
``special_tokens_map.json`` and ``added_tokens.json`` are read if the settings list no added tokens.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from tokenizers import AddedToken

from automodel_core.checkpoint.places.json_files import (
    MOST_BYTES_OF_TABLES,
    has_surrogates,
    read_json,
)
from automodel_core.checkpoint.places.options import HubOptions
from automodel_core.checkpoint.places.source import CheckpointFiles, open_checkpoint
from automodel_core.errors import CheckpointFormatError, CheckpointNotFoundError, shown
from automodel_core.text.tokenizer.special_tokens import EXTRA_NAMES, NAMED_TOKENS
from automodel_core.text.tokenizer.stated import stated_in

__all__ = [
    "ADDED_TOKENS",
    "CHAT_TEMPLATE",
    "CONFIG",
    "NOT_SETTINGS",
    "SPECIAL_TOKENS",
    "TOKENIZER",
    "LoadableTokenizer",
    "load_settings",
]

CONFIG = "tokenizer_config.json"
TOKENIZER = "tokenizer.json"
SPECIAL_TOKENS = "special_tokens_map.json"
ADDED_TOKENS = "added_tokens.json"
CHAT_TEMPLATE = "chat_template.jinja"
CHAT_TEMPLATES = "additional_chat_templates"

# Keys of the settings file that say nothing about the tokenizer that is being built.
NOT_SETTINGS = frozenset(
    {
        "auto_map",
        "backend",
        "files_loaded",
        "init_inputs",
        "is_local",
        "local_files_only",
        "merges_file",
        "name_or_path",
        "slow_tokenizer_class",
        "special_tokens_map_file",
        "tokenizer_class",
        "tokenizer_file",
        "trust_remote_code",
        "vocab_file",
    }
)
# Arguments of ``from_pretrained`` that steer the Auto classes, or old choices that are gone.
NOT_OURS = frozenset(
    {
        "_commit_hash",
        "_from_auto",
        "_from_pipeline",
        "config",
        "tokenizer_type",
        "trust_remote_code",
        "use_fast",
    }
)


class LoadableTokenizer(Protocol):
    """What loading needs to know of a tokenizer's class."""

    vocab_files_names: ClassVar[dict[str, str]]


def load_settings(
    cls: type[LoadableTokenizer], name: str | os.PathLike[str], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the constructor's arguments for a checkpoint; ``given`` wins over the files.

    ``checkpoint`` among them is the checkpoint already opened, at one revision.
    """
    options, overrides = HubOptions.split(given)
    for key in NOT_OURS:
        overrides.pop(key, None)
    from_slow = overrides.pop("from_slow", False)
    opened: CheckpointFiles | None = overrides.pop("checkpoint", None)
    if (file := options.single_file(name)) is not None:
        argument = "tokenizer_file" if file.suffix == ".json" else "vocab_file"
        return {**overrides, argument: str(file), "name_or_path": os.fspath(name)}

    files = open_checkpoint(name, options) if opened is None else opened
    found = _vocabulary_files(cls, files, overrides)
    if from_slow and len(found) > 1:
        found.pop("tokenizer_file", None)
    settings = {k: v for k, v in _stated(cls, files, CONFIG).items() if k not in NOT_SETTINGS}
    if "tokenizer_file" in found:
        # The file's post-processor determines which tokens are added.
        settings.pop("add_bos_token", None)
        settings.pop("add_eos_token", None)
    template = _chat_templates(files)
    if template is not None:
        settings["chat_template"] = template
    settings.update(overrides)
    if settings.get("added_tokens_decoder") is None:
        _read_older_files(cls, files, settings, overrides)
    return {**settings, **found, "name_or_path": os.fspath(name)}


def _vocabulary_files(
    cls: type[LoadableTokenizer], files: CheckpointFiles, overrides: Mapping[str, Any]
) -> dict[str, str]:
    """Return the paths of the vocabulary files by argument; without any source it is an error."""
    wanted = cls.vocab_files_names
    found = {
        argument: str(path)
        for argument, filename in wanted.items()
        if argument not in overrides and (path := files.find(filename)) is not None
    }
    if not found and not {*wanted, "vocab", "tokenizer_object"} & set(overrides):
        raise CheckpointNotFoundError(
            f"Can't load the tokenizer of {shown(files.name)}: {cls.__name__} needs "
            f"{' or '.join(wanted.values())}; {files.present()}"
        )
    return found


def _stated(
    cls: type[LoadableTokenizer], files: CheckpointFiles, name: str, *, special: bool = False
) -> dict[str, Any]:
    path = files.find(name)
    return {} if path is None else stated_in(path, cls, special=special)


def _read_older_files(
    cls: type[LoadableTokenizer],
    files: CheckpointFiles,
    settings: dict[str, Any],
    overrides: Mapping[str, Any],
) -> None:
    for key, value in _stated(cls, files, SPECIAL_TOKENS, special=True).items():
        if not overrides.get(key):
            settings[key] = value
    path = files.find(ADDED_TOKENS)
    if path is None:
        return
    special = {str(settings[key]) for key in NAMED_TOKENS if settings.get(key)}
    for key in EXTRA_NAMES:
        extra = settings.get(key)
        special.update(map(str, extra if isinstance(extra, list) else ()))
    stored: dict[int, AddedToken] = {}
    for text, index in read_json(path, max_bytes=MOST_BYTES_OF_TABLES, unique_keys=True).items():
        if isinstance(index, bool) or not isinstance(index, int) or index < 0:
            raise CheckpointFormatError(
                f"{shown(str(path))}: the id of {shown(text)} must be an integer of at least 0, "
                f"got {shown(index)}"
            )
        if has_surrogates(text):
            raise CheckpointFormatError(
                f"{shown(str(path))}: the token {shown(text)} holds half a character (a surrogate)"
            )
        if index in stored:
            raise CheckpointFormatError(
                f"{shown(str(path))}: {shown(text)} and {shown(stored[index].content)} have the "
                f"same id, {index}"
            )
        stored[index] = AddedToken(text, normalized=text not in special, special=text in special)
    settings["added_tokens_decoder"] = stored


def _chat_templates(files: CheckpointFiles) -> str | dict[str, str] | None:
    found = {}
    default = files.find(CHAT_TEMPLATE)
    if default is not None:
        found["default"] = default
    inside = files.folder_inside(CHAT_TEMPLATES)
    for name in sorted(() if inside is None else inside.names() or ()):
        if inside is not None and name.endswith(".jinja"):
            found[name.removesuffix(".jinja")] = inside.require(name)
    try:
        texts = {name: path.read_text(encoding="utf-8") for name, path in found.items()}
    except UnicodeDecodeError as error:
        raise CheckpointFormatError(
            f"A chat template of {files.place} is not UTF-8: {error}"
        ) from error
    return texts["default"] if set(texts) == {"default"} else texts or None
