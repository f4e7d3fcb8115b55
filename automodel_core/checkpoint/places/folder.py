"""Checkpoints in a local folder."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from automodel_core.checkpoint.places.exchange import current_file, current_names
from automodel_core.checkpoint.places.file_names import NO_GGUF, expanded, plain_name
from automodel_core.checkpoint.places.files import CheckpointFiles
from automodel_core.checkpoint.places.options import HubOptions
from automodel_core.checkpoint.places.rereading import note_opened
from automodel_core.errors import CheckpointNotFoundError, shown

__all__ = ["LocalFiles", "open_folder"]

_Seen = tuple[Path, int, int, int, int]


class LocalFiles(CheckpointFiles):
    """The files of a local folder, which a save may replace at any time."""

    def __init__(self, name: str, folder: Path) -> None:
        super().__init__(name)
        self.folder = folder
        self._seen: dict[str, _Seen | None] = {}
        note_opened(self)

    @property
    def place(self) -> str:
        return f"folder {shown(str(self.folder))}"

    def names(self) -> frozenset[str]:
        return current_names(self.folder)

    def find(self, filename: str) -> Path | None:
        seen = self._look_up(plain_name(filename))
        self._seen.setdefault(filename, seen)
        return None if seen is None else seen[0]

    def require_all(self, filenames: Iterable[str]) -> list[Path]:
        wanted = list(filenames)
        found = [path for path in map(self.find, wanted) if path is not None]
        if len(found) < len(wanted):
            self.check_present(wanted)
        return found

    def folders(self) -> frozenset[str]:
        names = {path.name for path in self.folder.iterdir() if path.is_dir()}
        return frozenset(name for name in names if not name.startswith("."))

    def folder_inside(self, name: str) -> CheckpointFiles | None:
        folder = self.folder / plain_name(name)
        return LocalFiles(f"{self.name}/{name}", folder) if folder.is_dir() else None

    def changed(self) -> bool:
        return any(self._look_up(name) != seen for name, seen in self._seen.items())

    def confirm(self) -> None:
        super().confirm()
        self._seen.clear()

    def _look_up(self, name: str) -> _Seen | None:
        """Return where a file is, and what tells it from one that takes its place."""
        while (path := current_file(self.folder, name)) is not None:
            with suppress(FileNotFoundError):  # a save moved it to its place meanwhile
                status = os.stat(path)
                return path, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
        return None


def open_folder(
    name_or_path: str | os.PathLike[str], options: HubOptions
) -> CheckpointFiles | None:
    """Return the files of a local folder, or ``None`` if the name is not one.

    A name that can only be a path raises ``CheckpointNotFoundError`` if there is no such folder.
    """
    name = os.fspath(name_or_path)
    folder = expanded(name)
    if "\0" in name or not folder.is_dir():
        if "\0" not in name and folder.is_file():
            advice = NO_GGUF if name.endswith(".gguf") else "give the folder that holds it"
            raise CheckpointNotFoundError(f"{shown(name)} is a file, and no checkpoint. {advice}")
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
