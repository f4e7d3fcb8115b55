"""Checkpoints in a local folder."""

from __future__ import annotations

import os
from pathlib import Path

from automodel_core.checkpoint.places.file_names import safe_join
from automodel_core.checkpoint.places.options import HubOptions
from automodel_core.checkpoint.places.source import CheckpointFiles
from automodel_core.errors import CheckpointNotFoundError, shown

__all__ = ["LocalFiles", "open_folder"]


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
