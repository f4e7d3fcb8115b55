"""JSON files of a checkpoint: read with limits, written whole or not at all."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from automodel_core.checkpoint.places.atomic_write import atomic_write
from automodel_core.checkpoint.places.file_names import NO_GGUF
from automodel_core.errors import (
    CheckpointFormatError,
    CheckpointNotFoundError,
    SerializationError,
    shown,
)

__all__ = [
    "MOST_BYTES_OF_TABLES",
    "has_surrogates",
    "json_bytes",
    "parse_json",
    "read_json",
    "write_json",
]

_SURROGATE = re.compile("[\ud800-\udfff]")

MOST_BYTES = 5 * 1024 * 1024
"""Of settings: larger than any on the hub, and read in a moment whatever they hold."""
MOST_BYTES_OF_TABLES = 128 * 1024 * 1024
"""Of files with an entry for each token or weight."""


def read_json(
    path: str | os.PathLike[str], *, max_bytes: int = MOST_BYTES, unique_keys: bool = False
) -> dict[str, Any]:
    """Return the object that a JSON file holds.

    Raises ``CheckpointFormatError`` for another encoding than UTF-8, broken or too deep JSON, a
    value that is not an object, and files over ``max_bytes``; see `parse_json` for ``unique_keys``.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise CheckpointFormatError(f"{shown(str(path))} is not a regular file")
            if status.st_size > max_bytes:
                raise CheckpointFormatError(
                    f"{shown(str(path))} is not a valid JSON file: it has {status.st_size} bytes, "
                    f"more than the {max_bytes} that are read"
                )
            data = file.read(status.st_size)
    except FileNotFoundError as error:
        raise CheckpointNotFoundError(f"there is no file {shown(str(path))}") from error
    except IsADirectoryError as error:
        raise CheckpointFormatError(f"{shown(str(path))} is a folder, not a JSON file") from error
    return parse_json(data, str(path), unique_keys=unique_keys)


def parse_json(data: bytes, where: str, *, unique_keys: bool = False) -> dict[str, Any]:
    """Return the object in ``data``; ``where`` names the file in messages.

    ``unique_keys`` refuses objects that name a key twice, which JSON itself allows.
    """

    def fail(reason: str, cause: BaseException | None = None) -> CheckpointFormatError:
        error = CheckpointFormatError(f"{shown(where)} is not a valid JSON file: {reason}")
        error.__cause__ = cause
        return error

    if data.startswith(b"version https://git-lfs"):
        raise CheckpointFormatError(
            f"{shown(where)} holds a git-lfs pointer instead of the file: run 'git lfs pull' there"
        )
    if data.startswith(b"GGUF"):
        raise CheckpointFormatError(f"{shown(where)} is a GGUF file. {NO_GGUF}")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise fail(f"it is not UTF-8 ({error.reason} at byte {error.start})", error) from error
    try:
        value = json.loads(text, object_pairs_hook=_unique if unique_keys else None)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise fail(f"{error.msg} at {place}", error) from error
    except RecursionError as error:
        raise fail("it is nested too deeply") from error
    except ValueError as error:
        raise fail(shown(str(error)), error) from error
    if not isinstance(value, dict):
        raise fail(f"it holds {type(value).__name__} {shown(value)}, and an object was expected")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for index, key in enumerate(keys) if key in keys[:index])
        raise ValueError(f"key {shown(twice)} occurs twice in one object")
    return found


def has_surrogates(text: str) -> bool:
    """Return whether a text holds halves of characters, which JSON can spell and UTF-8 cannot."""
    return _SURROGATE.search(text) is not None


def write_json(
    path: str | os.PathLike[str], values: Mapping[str, Any], *, sort_keys: bool = True
) -> None:
    """Write an object to a JSON file, replacing it in one step; see `json_bytes`."""
    data = json_bytes(values, str(path), sort_keys=sort_keys)
    with atomic_write(path) as file:
        file.write(data)


def json_bytes(values: Mapping[str, Any], where: str, *, sort_keys: bool = True) -> bytes:
    """Return an object as UTF-8 JSON, two spaces deep.

    Raises `SerializationError`, which names ``where`` and the key, for what JSON cannot hold.
    """
    try:
        text = json.dumps(dict(values), indent=2, sort_keys=sort_keys, ensure_ascii=False)
        if has_surrogates(text):
            text = json.dumps(dict(values), indent=2, sort_keys=sort_keys)
    except (TypeError, ValueError, RecursionError) as error:
        key, value = _unserialisable(values)
        raise SerializationError(
            f"{where} cannot be written: key {shown(key)} holds {shown(value)}, and JSON knows "
            "texts, numbers, true, false, null, lists, and objects whose keys are texts"
        ) from error
    return text.encode("utf-8") + b"\n"


def _unserialisable(values: Mapping[Any, Any]) -> tuple[str, object]:
    """Return the path of the innermost value that JSON cannot hold, and the value."""
    for key, value in values.items():
        try:
            json.dumps({key: value}, sort_keys=True)
        except (ValueError, RecursionError):  # it holds itself
            return str(key), value
        except TypeError:
            if not isinstance(value, Mapping):
                return str(key), value
            inner, found = _unserialisable(value)
            return f"{key}.{inner}", found
    return "", dict(values)
