"""Paths that users give, and file names that files give: these may not lead out of a folder."""

from __future__ import annotations

import os
import re
from pathlib import Path

from automodel_core.errors import CheckpointFormatError, shown

__all__ = ["NO_GGUF", "expanded", "is_plain", "local_file", "plain_name", "safe_join"]


_PLAIN = re.compile(r'[^/\\:"<>|?*\x00-\x1f\x7f]{1,255}')


NO_GGUF = (
    "GGUF files are not read here: load the checkpoint that the file was made from, which its "
    "model card on the hub names; weights='int8' saves memory there"
)


def expanded(path: str | os.PathLike[str]) -> Path:
    """Return a path that a user gave, with the home folder in place of ``~``."""
    return Path(os.path.expanduser(path))


def local_file(name: str | os.PathLike[str]) -> Path | None:
    """Return the single file that the name of a checkpoint is, or ``None`` if it is not one."""
    found = isinstance(name, str | os.PathLike) and os.path.isfile(expanded(name))
    return expanded(name) if found else None


def is_plain(name: object) -> bool:
    """Return whether ``name`` has no separators, ``..``, drive, wildcards or control characters."""
    return isinstance(name, str) and name not in (".", "..") and bool(_PLAIN.fullmatch(name))


def plain_name(name: object, where: str = "") -> str:
    """Return ``name`` if it can only be a file of the folder it is looked for in.

    Separators, ``..``, drives, wildcards and control characters raise ``CheckpointFormatError``.
    ``where`` says which file and key the name came from.
    """
    if not isinstance(name, str) or not is_plain(name):
        place = f" in {where}" if where else ""
        raise CheckpointFormatError(
            f"file name {shown(name)}{place} is refused: a plain name of a file in the same "
            "folder was expected, without separators, '..' or drive"
        )
    return name


def safe_join(folder: str | os.PathLike[str], name: object, where: str = "") -> Path:
    """Join a file name that came from a file to a folder; see `plain_name`."""
    return Path(folder) / plain_name(name, where)
