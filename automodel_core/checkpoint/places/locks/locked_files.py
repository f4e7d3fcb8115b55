"""Files of a checkpoint that are compared with a lock as they are handed out."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from automodel_core.checkpoint.places.files import CheckpointFiles, HeaderEntry
from automodel_core.checkpoint.places.locks.lock import FileCheck

__all__ = ["LockedFiles"]

_PARALLEL_DIGESTS = 4


class LockedFiles(CheckpointFiles):
    """The files of another source, each checked before it is handed out.

    ``folder`` is where they lie in their repository: a lock has paths from its root.
    """

    def __init__(self, files: CheckpointFiles, check: FileCheck, folder: str) -> None:
        super().__init__(files.name, files.commit)
        self.files = files
        self.lock = check
        self._folder = folder.strip("/")
        self._checked: dict[str, Path] = {}
        check.check_origin(files.name, files.commit)

    @property
    def place(self) -> str:
        return self.files.place

    def path(self, filename: str) -> str:
        """Return the path of a file from the root of the repository."""
        return f"{self._folder}/{filename}" if self._folder else filename

    def names(self) -> frozenset[str] | None:
        return self.files.names()

    def find(self, filename: str) -> Path | None:
        return self._admitted(filename, self.files.find(filename))

    def has(self, filename: str) -> bool:
        if self.files.has(filename):
            return True
        self.lock.check_absent(self.path(filename), self.place)
        return False

    def require_all(self, filenames: Iterable[str]) -> list[Path]:
        names = list(filenames)
        found = self.files.require_all(names)
        with ThreadPoolExecutor(min(_PARALLEL_DIGESTS, len(names) or 1)) as pool:
            list(pool.map(self._admitted, names, found))
        return found

    def size(self, filename: str) -> int | None:
        return self.files.size(filename)

    def remote_header(self, filename: str) -> list[HeaderEntry] | None:
        return self.files.remote_header(filename)

    def announced(self, filename: str) -> str | None:
        return self.files.announced(filename)

    def folders(self) -> frozenset[str]:
        return self.files.folders()

    def folder_inside(self, name: str) -> CheckpointFiles | None:
        inside = self.files.folder_inside(name)
        return None if inside is None else LockedFiles(inside, self.lock, self.path(name))

    def is_local(self, filename: str) -> bool:
        return self.files.is_local(filename)

    def changed(self) -> bool:
        return self.files.changed()

    def confirm(self) -> None:
        self.files.confirm()

    def _admitted(self, filename: str, file: Path | None) -> Path | None:
        """Return the file after a check, which is made once."""
        if file is None:
            self.lock.check_absent(self.path(filename), self.place)
        elif self._checked.get(filename) != file:
            self.lock.check(self.path(filename), file, self.place)
            self._checked[filename] = file
        return file
