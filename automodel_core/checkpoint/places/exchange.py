"""Several files of a folder, exchanged in one step.

A save writes its files into a hidden folder inside the folder, ``.automodel-save.<random>``, and
syncs them to disk. Renaming that to ``.automodel-save`` is the moment at which the save takes
effect: from then on its files count in place of those beside it, and the names that it lists as
removed do not count. Then its files are moved to their places, one after another, and the hidden
folder goes.

What holds where:

- Readers of automodel (`current_file`) see the files before the save or after it, also if the saver
  is killed at any moment, or the power is cut. One that reads several files asks afterwards whether
  they are still the current ones (`LocalFiles.changed`), and begins again if not.
- Other readers see every file whole. Files whose content stays as it was are not touched, and
  shards get names that no other save uses, so that new weights beside the old configuration appear
  by one rename, for everybody. If the configuration is another too, there are microseconds between
  the renames in which other readers meet files of both saves; what a kill leaves then is completed
  by the next save.
- Two savers take turns, and what killed ones left is removed, where a folder can be locked: not on
  Windows, nor on some network file systems.
- Where folders cannot be renamed, as on some object stores, the files are moved one after another.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from automodel_core.checkpoint.places.file_names import expanded, safe_join
from automodel_core.errors import AutomodelError, InputError, SavingError, shown

__all__ = ["Exchange", "current_file", "current_names", "exchange_files", "target_folder"]

logger = logging.getLogger("automodel_core")

_IN_EFFECT = ".automodel-save"
_REMOVED = ".removed"
"""Folder with an empty file for each name that the save removes."""
_OLD = ".old"
"""Folder with second names of the files that are replaced or removed, until all are."""
_SMALL = 1 << 20
"""Larger files are exchanged without comparing them with the present ones."""
_ATTEMPTS = 10
"""How often a save gives way to others, where the system has no locks."""


class Exchange:
    """The files that one save puts into ``folder``, gathered in ``staging`` until then."""

    def __init__(self, folder: Path, staging: Path) -> None:
        self.folder = folder
        self.staging = staging

    @contextmanager
    def file(self, name: str) -> Iterator[BinaryIO]:
        """Open one of the new files for writing; errors of the disk name its place."""
        with _naming(self.folder / name), safe_join(self.staging, name).open("xb") as file:
            yield file

    def write(self, name: str, data: bytes) -> None:
        with self.file(name) as file:
            file.write(data)

    def remove(self, names: Iterable[str]) -> None:
        """Let files of the folder vanish together with the exchange, unless they are new ones.

        In an exchange within another one, that one's folder is meant.
        """
        folder, staging = self.folder, self.staging
        if folder.name.startswith(f"{_IN_EFFECT}."):
            folder, staging = folder.parent, folder
        for name in current_names(folder).intersection(names):
            with _naming(folder / name):
                (staging / _REMOVED).mkdir(exist_ok=True)
                (staging / _REMOVED / name).touch()

    def new_names(self) -> list[str]:
        """Return the names of the new files."""
        return sorted(path.name for path in self.staging.iterdir() if path.name != _REMOVED)


@contextmanager
def exchange_files(folder: str | os.PathLike[str]) -> Iterator[Exchange]:
    """Gather files for a folder, made if needed, and exchange them at the end of the block.

    After an exception the folder is as it was. Raises `SavingError` that names the file that could
    not be written, and the errors of `target_folder`.
    """
    target = target_folder(folder)
    existed = target.exists()
    try:
        with _turn(target) as alone:
            _move_into(target, target / _IN_EFFECT)
            if alone:
                for left_behind in target.glob(f"{_IN_EFFECT}.*"):
                    shutil.rmtree(left_behind, ignore_errors=True)
            staging = target / f"{_IN_EFFECT}.{secrets.token_hex(6)}"
            try:
                with _naming(target):
                    staging.mkdir()
                exchange = Exchange(target, staging)
                yield exchange
                _take_effect(exchange)
            finally:
                shutil.rmtree(staging, ignore_errors=True)
    except BaseException:
        if not existed:
            with suppress(OSError):
                target.rmdir()
        raise


def target_folder(path: str | os.PathLike[str]) -> Path:
    """Return the folder to save into, with ``~`` expanded; it need not exist yet.

    Raises `InputError` for an empty path, and ``NotADirectoryError`` for a file.
    """
    if not os.fspath(path):
        raise InputError("the folder to save into has an empty name; '.' is the present one")
    folder = expanded(path)
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{shown(str(folder))} is a file; a folder is needed to save into")
    return folder


def current_file(folder: Path, name: str) -> Path | None:
    """Return where the file of that name is that counts at this moment, if there is one."""
    if os.path.isdir(new := os.path.join(folder, _IN_EFFECT)):
        if os.path.isfile(path := os.path.join(new, name)):
            return Path(path)
        if os.path.isfile(os.path.join(new, _REMOVED, name)):
            return None
    path = os.path.join(folder, name)  # of shards there are hundreds, and `Path` is slow to ask
    return Path(path) if os.path.isfile(path) else None


def current_names(folder: Path) -> frozenset[str]:
    """Return the names for which `current_file` finds a file."""
    new = folder / _IN_EFFECT
    added, removed = _names(new), _names(new / _REMOVED)
    return frozenset((_names(folder) - removed) | added)


def _names(folder: Path) -> set[str]:
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries if entry.is_file()}
    except FileNotFoundError:
        return set()


def _take_effect(exchange: Exchange) -> None:
    """Sync what is new to disk, let it count, and move it to its place."""
    folder, staging = exchange.folder, exchange.staging
    for name in exchange.new_names():
        (staging / _REMOVED / name).unlink(missing_ok=True)
        if (folder / name).is_dir():
            raise SavingError(f"{shown(str(folder / name))} is a folder, where a file is to be")
        if _same(staging / name, folder / name):
            (staging / name).unlink()
            continue
        with _naming(folder / name):
            _sync(staging / name)
    _sync_folder(staging / _REMOVED)
    _sync_folder(staging)
    in_effect = folder / _IN_EFFECT
    for _ in range(_ATTEMPTS):
        try:
            staging.rename(in_effect)
        except OSError:
            if not in_effect.exists():  # the system renames no folders
                _move_into(folder, staging)
                return
            _move_into(folder, in_effect)  # of a saver that could not be waited for
        else:
            _sync_folder(folder)
            _move_into(folder, in_effect)
            return
    raise SavingError(f"{shown(str(in_effect))} is left of another save, and cannot be removed")


def _move_into(folder: Path, new: Path) -> None:
    """Move the files of ``new`` to their places; wherever this is cut, the next save goes on.

    Those that nobody reads yet go first. The old files are freed last, which takes long on some
    disks: for readers that do not look into ``new``, the moves shall lie close together.
    """
    names = sorted(_names(new), key=lambda name: ((folder / name).exists(), name))
    removed = _names(new / _REMOVED)
    with suppress(OSError):
        (new / _OLD).mkdir()
    for name in {*names, *removed}:
        with suppress(OSError):
            (new / _OLD / name).hardlink_to(folder / name)
    for name in names:
        with suppress(FileNotFoundError):
            (new / name).replace(folder / name)
    for name in removed:
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(new, ignore_errors=True)


def _same(new: Path, old: Path) -> bool:
    """Return whether two small files have the same content."""
    with suppress(OSError):
        size = new.stat().st_size
        if size <= _SMALL and size == old.stat().st_size and not old.is_symlink():
            return new.read_bytes() == old.read_bytes()
    return False


def _sync(path: Path) -> None:
    """Wait until the content of a file is on the disk."""
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    """Wait until the names in a folder are on the disk, where the system can say so."""
    with suppress(OSError):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Let errors of the disk say which file was being written."""
    try:
        yield
    except AutomodelError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        failure = SavingError(
            f"cannot write {shown(str(path))}: {reason}; what was saved there before is unharmed"
        )
        failure.errno = error.errno
        raise failure from error


@contextmanager
def _turn(folder: Path) -> Iterator[bool]:
    """Make the folder, wait until no other saver is at it, and say whether that could be known."""
    try:
        import fcntl
    except ImportError:
        folder.mkdir(parents=True, exist_ok=True)
        yield False
        return
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
        try:
            alone = _lock(handle, folder)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(handle), folder.stat()):
                    yield alone
                    return
        finally:
            with suppress(OSError):
                fcntl.flock(handle, fcntl.LOCK_UN)  # closing is not enough if a child has it too
            os.close(handle)


def _lock(handle: int, folder: Path) -> bool:
    """Wait for the lock of a folder; return whether the system has such locks."""
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        logger.info("waiting for another save into %s", shown(str(folder)))
        fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError:
        return False
    return True
