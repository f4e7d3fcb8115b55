"""A file that is opened several times, and must be the same one each time."""

from __future__ import annotations

import os
import weakref
from functools import cache
from io import FileIO
from pathlib import Path
from typing import BinaryIO

from automodel_core.errors import CheckpointFormatError, CheckpointNotFoundError, shown

__all__ = ["HeldFile"]

_MOST_HELD = 128
"""Above this descriptor files are not kept open, so that many shards do not use all up."""
_DESCRIPTORS = "/proc/self/fd"


class HeldFile:
    """The file that ``opened`` is: it is kept open, and so stays when a save replaces it.

    Where that is not possible, or many files are open already, it is looked up by its path, and
    refused if another one is there.
    """

    def __init__(self, path: Path, opened: BinaryIO) -> None:
        self.path = path
        self.name = str(path)
        """Under this name other code, too, can open the file."""
        self._identity = _identity(os.fstat(opened.fileno()))
        if not _has_descriptors():
            return
        descriptor = os.dup(opened.fileno())
        if descriptor > _MOST_HELD:
            os.close(descriptor)
        else:
            weakref.finalize(self, os.close, descriptor)
            self.name = f"{_DESCRIPTORS}/{descriptor}"

    def open(self) -> FileIO:
        """Open the file to read it from its start."""
        if self.name == str(self.path):
            self.check()
        return FileIO(self.name)

    def check(self) -> None:
        """Raise if the file is gone, or another is in its place, or it has another size."""
        try:
            status = os.stat(self.name)
        except OSError as error:
            raise CheckpointNotFoundError(f"{shown(str(self.path))} is gone: {error}") from error
        if _identity(status) != self._identity:
            raise CheckpointFormatError(
                f"{shown(str(self.path))} changed while it was read: it had {self._identity[-1]} "
                f"bytes and has {status.st_size}"
            )


@cache
def _has_descriptors() -> bool:
    return os.path.isdir(_DESCRIPTORS)


def _identity(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_dev, status.st_ino, status.st_size
