"""`Lock`: the commit, the files and the packages that a checkpoint was locked with."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

from automodel_core.checkpoint.places.json_files import read_json
from automodel_core.checkpoint.places.locks.digests import sha256_of
from automodel_core.errors import CheckpointFormatError, InputError, LockMismatchError, shown

__all__ = ["FileCheck", "Lock", "LockedFile", "version_of"]

LOCK_FORMAT = 1
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ADVICE = "restore it, or lock what is there now with 'automodel-core lock'"


@runtime_checkable
class FileCheck(Protocol):
    """Sees every file of a checkpoint before a load reads it. `Lock` refuses those that differ."""

    def check(self, path: str, file: Path, place: str) -> None:
        """Raise `LockMismatchError` unless the file may be read; ``place`` is for the message.

        ``path`` is counted from the root of the repository.
        """

    def check_absent(self, path: str, place: str) -> None:
        """Raise `LockMismatchError` if a file that is not there should be."""

    def check_origin(self, name: str, commit: str | None) -> None:
        """Raise `LockMismatchError` for another commit, or for other packages than locked."""

    def check_provider(self, distribution: str | None, what: str) -> None:
        """Raise `LockMismatchError` if another package than locked provides a class."""

    def commit_for(self, name: str) -> str | None:
        """Return the commit at which to look for a checkpoint of this name."""


class LockedFile(NamedTuple):
    """What a file must be; ``size`` is in bytes."""

    sha256: str
    size: int

    @classmethod
    def of(cls, file: Path) -> LockedFile:
        return cls(sha256_of(file), file.stat().st_size)

    def __str__(self) -> str:
        return f"sha256 {self.sha256} ({self.size} bytes)"


@dataclass(frozen=True)
class Lock:
    """What ``automodel-core lock`` found: all that a load may read, and the packages to read it.

    ``files`` are by path from the repository's root. ``commit`` is ``None`` for a folder,
    ``variant`` that of the weight files.
    """

    name: str
    commit: str | None
    files: Mapping[str, LockedFile]
    packages: Mapping[str, str]
    variant: str | None = None

    @classmethod
    def read(cls, value: Any) -> Lock:
        """Return the lock of a file, or of what such a file holds.

        Raises `InputError` for a value that is neither, and `CheckpointFormatError` for a file
        that is no lock.
        """
        if isinstance(value, str | os.PathLike):
            return cls._parsed(read_json(value, unique_keys=True), shown(os.fspath(value)))
        if isinstance(value, Mapping):
            return cls._parsed(value, "lock=")
        raise InputError(
            f"lock={shown(value)}: expected the path of a file that 'automodel-core lock' wrote, "
            "or its content as a dictionary"
        )

    @classmethod
    def _parsed(cls, values: Mapping[str, Any], where: str) -> Lock:
        keys = ("lock", "name", "commit", "variant")
        form, name, commit, variant = (values.get(key) for key in keys)
        files, packages = values.get("files"), values.get("packages")
        if type(form) is int and form > LOCK_FORMAT:
            raise CheckpointFormatError(
                f"{where} is a lock of format {form}, and this version reads {LOCK_FORMAT}: "
                "pip install --upgrade automodel-core"
            )
        if (
            form != LOCK_FORMAT
            or not isinstance(name, str)
            or not isinstance(commit, str | None)
            or not isinstance(variant, str | None)
            or not isinstance(files, Mapping)
            or not isinstance(packages, Mapping)
            or not all(isinstance(version, str) for version in packages.values())
        ):
            raise CheckpointFormatError(
                f"{where} is no lock: lock, name, commit, files and packages were expected, as "
                f"'automodel-core lock' writes them, and it has {shown(sorted(map(str, values)))}"
            )
        found = {path: _file(path, files[path], where) for path in files}
        return cls(name, commit, found, dict(packages), variant)

    def to_dict(self) -> dict[str, Any]:
        """Return the lock as JSON can hold it."""
        return {
            "lock": LOCK_FORMAT,
            "name": self.name,
            "commit": self.commit,
            "variant": self.variant,
            "packages": dict(sorted(self.packages.items())),
            "files": {path: self.files[path]._asdict() for path in sorted(self.files)},
        }

    def other_packages(self) -> dict[str, tuple[str, str | None]]:
        """Return the packages that are not as locked: the locked version and the installed one."""
        installed = {package: version_of(package) for package in self.packages}
        return {
            package: (version, installed[package])
            for package, version in self.packages.items()
            if installed[package] != version
        }

    def _check_packages(self) -> None:
        wrong = [
            f"{package} {version}, found {found or 'none'}"
            for package, (version, found) in self.other_packages().items()
        ]
        if wrong:
            pins = " ".join(f"{package}=={self.packages[package]}" for package in self.packages)
            raise LockMismatchError(
                f"the lock of {shown(self.name)} expects {'; '.join(wrong)}: pip install {pins}, "
                "or make a new lock"
            )

    def check_provider(self, distribution: str | None, what: str) -> None:
        if distribution is not None and distribution not in self.packages:
            raise LockMismatchError(
                f"the lock of {shown(self.name)} lists {', '.join(sorted(self.packages))}, and "
                f"{what} would come from {distribution}"
            )

    def check(self, path: str, file: Path, place: str) -> None:
        expected = self.files.get(path)
        if expected is None:
            raise LockMismatchError(
                f"{place}: file {shown(path)} is not in the lock of {shown(self.name)}, and a load "
                "would read it: remove it, or lock what is there now with 'automodel-core lock'"
            )
        # Another size is answer enough: gigabytes need not be read then.
        size = file.stat().st_size
        found = LockedFile.of(file) if size == expected.size else LockedFile("not computed", size)
        if found != expected:
            raise LockMismatchError(
                f"{place}: file {shown(path)} is not the locked one: expected {expected}, found "
                f"{found}; {_ADVICE}"
            )

    def check_absent(self, path: str, place: str) -> None:
        if (expected := self.files.get(path)) is not None:
            raise LockMismatchError(
                f"{place}: file {shown(path)} is not there: expected {expected}, found none; "
                f"{_ADVICE}"
            )

    def check_origin(self, name: str, commit: str | None) -> None:
        self._check_packages()
        if self.commit is not None and commit is not None and commit != self.commit:
            raise LockMismatchError(
                f"{shown(name)}: expected commit {self.commit} of {shown(self.name)}, found commit "
                f"{commit}: leave revision= out, or make a new lock"
            )

    def commit_for(self, name: str) -> str | None:
        return self.commit if name == self.name else None


def _file(path: str, entry: Any, where: str) -> LockedFile:
    if isinstance(entry, Mapping):
        sha256, size = entry.get("sha256"), entry.get("size")
        if isinstance(sha256, str) and _SHA256.fullmatch(sha256) and type(size) is int:
            return LockedFile(sha256, size)
    raise CheckpointFormatError(
        f"{where}, file {shown(path)}: a sha256 and a size were expected, got {shown(entry)}"
    )


def version_of(distribution: str) -> str | None:
    """Return the version of an installed distribution, or ``None``."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
