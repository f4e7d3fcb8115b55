"""The files of one checkpoint at one revision, wherever they are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import final

from automodel_core.errors import (
    CheckpointChangedError,
    CheckpointNotFoundError,
    listed,
    shown,
)

__all__ = ["CheckpointFiles", "HeaderEntry"]

HeaderEntry = tuple[str, str, list[int], tuple[int, int]]
"""Name, dtype, shape and data offsets of a tensor, as a safetensors header has them."""


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

    def announced(self, filename: str) -> str | None:
        """Return the sha256 that this source announces for a file, without fetching it.

        ``None`` if it announces none.
        """
        return None

    def folders(self) -> frozenset[str]:
        """Return the names of the folders inside of this one that are known."""
        return frozenset()

    def folder_inside(self, name: str) -> CheckpointFiles | None:
        """Return the files of a folder inside of this one; ``None`` if there is none."""
        return None

    def is_local(self, filename: str) -> bool:
        """Return whether `find` would answer with a path and without a transfer."""
        return self.find(filename) is not None

    def changed(self) -> bool:
        """Return whether a file that was handed out, or was not there, has been replaced since."""
        return False

    def confirm(self) -> None:
        """Raise `CheckpointChangedError` if files changed; forget those handed out so far.

        To be called when everything is read or open, so that later saves do not matter.
        """
        if self.changed():
            raise CheckpointChangedError(f"{self.place} was saved anew while it was read")

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
        self.check_present(wanted)
        return [self.require(name) for name in wanted]

    @final
    def check_present(self, filenames: Sequence[str]) -> None:
        """Raise ``CheckpointNotFoundError`` that names all files that are missing, if any are."""
        missing = [name for name in filenames if not self.has(name)]
        if missing:
            raise CheckpointNotFoundError(
                f"{self.place} lacks {len(missing)} of {len(filenames)} files: "
                f"{_shown(missing)}; {self.present()}"
            )

    @final
    def present(self) -> str:
        """Return a phrase that lists the files known to exist."""
        names = self.names()
        if names is None:
            return "its files are not known"
        return f"it has {_shown(sorted(names))}" if names else "it holds no files"


def _shown(names: Iterable[str]) -> str:
    return listed([shown(name, 80) for name in names], limit=12)
