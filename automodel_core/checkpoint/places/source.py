"""Where the files of a checkpoint come from: a local folder, the hub, or a plugin's source.

A source answers with `CheckpointFiles`, which hands out paths of whole local files, all of one
revision. Names that come from inside a file pass through `safe_join` before they reach a disk.
"""

from __future__ import annotations

import os
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, final

from automodel_core.errors import (
    CheckpointFormatError,
    CheckpointNotFoundError,
    InputError,
    shown,
)

__all__ = [
    "CheckpointFiles",
    "HeaderEntry",
    "HubOptions",
    "LocalFiles",
    "open_checkpoint",
    "open_folder",
    "open_hub",
    "plain_name",
    "safe_join",
]

HeaderEntry = tuple[str, str, list[int], tuple[int, int]]
"""Name, dtype, shape and data offsets of a tensor, as a safetensors header has them."""

OBSOLETE = {
    "resume_download": "downloads decide by themselves what to fetch",
    "use_auth_token": "pass token= instead",
    "mirror": "set the environment variable HF_ENDPOINT instead",
}
"""Arguments of older Auto classes, and what to do today; they are accepted and ignored."""


@dataclass(frozen=True)
class HubOptions:
    """How to find the files of a checkpoint; the arguments that ``from_pretrained`` passes on.

    ``token`` is a token, ``True`` for the one that is logged in, ``False`` for none. ``revision``
    is a branch, a tag, a commit or ``refs/pr/N``. ``proxies`` is accepted for older callers: the
    hub client reads ``HTTPS_PROXY``.
    """

    cache_dir: str | os.PathLike[str] | None = None
    force_download: bool = False
    local_files_only: bool = False
    proxies: Mapping[str, str] | None = field(default=None, repr=False)
    token: str | bool | None = field(default=None, repr=False)
    revision: str | None = None
    subfolder: str = ""

    def __post_init__(self) -> None:
        if self.force_download and self.local_files_only:
            raise InputError("force_download=True and local_files_only=True exclude each other")
        if self.revision is not None:
            _check_parts("revision", self.revision)
        if self.subfolder:
            _check_parts("subfolder", self.subfolder)
        if self.proxies:
            warnings.warn(
                "proxies= has no effect: set the environment variable HTTPS_PROXY", stacklevel=3
            )

    @classmethod
    def split(cls, kwargs: Mapping[str, Any]) -> tuple[HubOptions, dict[str, Any]]:
        """Return the options that ``kwargs`` names, and the other arguments."""
        rest = dict(kwargs)
        for name, advice in OBSOLETE.items():
            if rest.pop(name, None) is not None:
                warnings.warn(f"{name}= has no effect: {advice}", FutureWarning, stacklevel=3)
        known = {f.name: rest.pop(f.name) for f in fields(cls) if f.name in rest}
        if known.get("subfolder", "") is None:
            known["subfolder"] = ""
        return cls(**known), rest


def _check_parts(what: str, value: str) -> None:
    """Refuse a revision or subfolder that would leave the folder it is looked for in."""
    if not isinstance(value, str):
        raise InputError(f"{what} must be a string, got {shown(value)}")
    parts = value.strip("/").split("/")
    if value.startswith("/") or any(not _is_plain(part) for part in parts):
        raise InputError(f"{what} must be a relative name without '..', got {shown(value)}")


def _is_plain(name: object) -> bool:
    return (
        isinstance(name, str)
        and name not in ("", ".", "..")
        and not any(c in '/\\:\0"<>|?*' or ord(c) < 32 or ord(c) == 127 for c in name)
        and len(name) <= 255
    )


def plain_name(name: object, where: str = "") -> str:
    """Return ``name`` if it can only be a file of the folder it is looked for in.

    Separators, ``..``, drives, wildcards and control characters raise ``CheckpointFormatError``.
    ``where`` says which file and key the name came from.
    """
    if not isinstance(name, str) or not _is_plain(name):
        place = f" in {where}" if where else ""
        raise CheckpointFormatError(
            f"file name {shown(name)}{place} is refused: a plain name of a file in the same "
            "folder was expected, without separators, '..' or drive"
        )
    return name


def safe_join(folder: str | os.PathLike[str], name: object, where: str = "") -> Path:
    """Join a file name that came from a file to a folder; see `plain_name`."""
    return Path(folder) / plain_name(name, where)


class CheckpointFiles(ABC):
    """The files of one checkpoint at one revision.

    ``name`` is what the caller gave, ``commit`` the revision that all files come from, or ``None``.
    A plugin's source derives from this class.
    """

    def __init__(self, name: str, commit: str | None = None) -> None:
        self.name = name
        self.commit = commit

    @property
    @abstractmethod
    def place(self) -> str:
        """Return where the files are, for messages."""

    @abstractmethod
    def names(self) -> frozenset[str] | None:
        """Return the names of the files known so far to exist; ``None`` if none are known."""

    @abstractmethod
    def find(self, filename: str) -> Path | None:
        """Return the local path of a file, fetched if needed, or ``None`` if there is none."""

    def has(self, filename: str) -> bool:
        """Return whether there is such a file, without fetching it."""
        return self.find(filename) is not None

    def size(self, filename: str) -> int | None:
        """Return the size of a file in bytes; ``None`` if there is none or it is unknown."""
        path = self.find(filename)
        return None if path is None else path.stat().st_size

    def remote_header(self, filename: str) -> list[HeaderEntry] | None:
        """Return the entries of a safetensors header without fetching the whole file.

        ``None`` if this source cannot do that.
        """
        return None

    def is_local(self, filename: str) -> bool:
        """Return whether `find` would answer with a path and without a transfer."""
        return self.find(filename) is not None

    @final
    def require(self, filename: str) -> Path:
        """Return the path of a file; ``CheckpointNotFoundError`` lists the files that there are."""
        path = self.find(filename)
        if path is None:
            raise CheckpointNotFoundError(
                f"{self.place} has no file {shown(filename)}; {self.present()}"
            )
        return path

    def require_all(self, filenames: Iterable[str]) -> list[Path]:
        """Return the paths of several files; one error names all that are missing."""
        wanted = list(filenames)
        known = self.names()
        paths = {name: self.find(name) for name in wanted if known is None or name in known}
        missing = [name for name in wanted if paths.get(name) is None]
        if missing:
            raise CheckpointNotFoundError(
                f"{self.place} lacks {len(missing)} of {len(wanted)} files: "
                f"{_listed(missing)}; {self.present()}"
            )
        return [path for name in wanted if (path := paths[name]) is not None]

    @final
    def present(self) -> str:
        """Return a phrase that lists the files known to exist."""
        names = self.names()
        if names is None:
            return "its files are not known"
        return f"it has {_listed(sorted(names))}" if names else "it holds no files"


def _listed(names: list[str], limit: int = 12) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(shown(name, 80) for name in names[:limit]) + more


class LocalFiles(CheckpointFiles):
    """The files of a local folder."""

    def __init__(self, name: str, folder: Path) -> None:
        super().__init__(name)
        self.folder = folder

    @property
    def place(self) -> str:
        return f"folder {shown(str(self.folder))}"

    def names(self) -> frozenset[str]:
        with os.scandir(self.folder) as entries:
            return frozenset(entry.name for entry in entries if entry.is_file())

    def find(self, filename: str) -> Path | None:
        path = safe_join(self.folder, filename)
        return path if path.is_file() else None


def open_folder(
    name_or_path: str | os.PathLike[str], options: HubOptions
) -> CheckpointFiles | None:
    """Return the files of a local folder, or ``None`` if the name is not one.

    A name that can only be a path raises ``CheckpointNotFoundError`` if there is no such folder.
    """
    name = os.fspath(name_or_path)
    folder = Path(name)
    if "\0" in name or not folder.is_dir():
        if "\0" not in name and folder.is_file():
            raise CheckpointNotFoundError(
                f"{shown(name)} is a file; give the folder that holds the checkpoint"
            )
        if isinstance(name_or_path, os.PathLike) or _is_path(name):
            raise CheckpointNotFoundError(f"there is no folder {shown(name)}")
        return None
    if options.subfolder:
        folder = folder.joinpath(*options.subfolder.strip("/").split("/"))
        if not folder.is_dir():
            raise CheckpointNotFoundError(
                f"folder {shown(name)} has no subfolder {shown(options.subfolder)}"
            )
    return LocalFiles(name, folder)


def _is_path(name: str) -> bool:
    return (
        "\0" in name
        or "\\" in name
        or name.startswith(("/", ".", "~"))
        or name.count("/") > 1
        or name.endswith("/")
        or Path(name).is_absolute()
    )


def open_hub(name_or_path: str | os.PathLike[str], options: HubOptions) -> CheckpointFiles:
    """Return the files of a repository on the hub, resolved to one commit."""
    from automodel_core.checkpoint.places.hub import open_repository

    return open_repository(os.fspath(name_or_path), options)


def open_checkpoint(
    name_or_path: str | os.PathLike[str], options: HubOptions | None = None
) -> CheckpointFiles:
    """Find a checkpoint: a local folder first, then the sources of plugins, then the hub.

    Raises ``CheckpointNotFoundError`` that says what was looked for, where, and what to do.
    """
    from automodel_core import registry

    options = options or HubOptions()
    if not isinstance(name_or_path, (str, os.PathLike)):
        raise InputError(
            f"a checkpoint is named by a folder or a hub id, got {shown(name_or_path)}"
        )
    if not os.fspath(name_or_path):
        raise InputError("the name of the checkpoint is empty; give a folder or a hub id")
    for source in registry.sources():
        opener: Any = registry.resolve(source.opener)
        files = opener(name_or_path, options)
        if files is None:
            continue
        if not isinstance(files, CheckpointFiles):
            raise TypeError(
                f"source {source.name!r} must return CheckpointFiles or None, got {shown(files)}"
            )
        return files
    raise CheckpointNotFoundError(
        f"{shown(os.fspath(name_or_path))} is neither a local folder nor known to a source"
    )
