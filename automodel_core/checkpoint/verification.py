"""Compare the files of a checkpoint with a lock, or with what the hub announced for them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from automodel_core.checkpoint.formats.safetensors_header import read_header
from automodel_core.checkpoint.places.file_names import expanded
from automodel_core.checkpoint.places.files import CheckpointFiles
from automodel_core.checkpoint.places.hub.cache import RepositoryCache
from automodel_core.checkpoint.places.locks.digests import git_blob_of, sha256_of
from automodel_core.checkpoint.places.locks.lock import Lock, LockedFile
from automodel_core.checkpoint.places.options import HubOptions
from automodel_core.checkpoint.places.source import open_checkpoint
from automodel_core.errors import CheckpointFormatError, CheckpointNotFoundError, shown

__all__ = ["Verdict", "verified_announcements", "verified_lock"]

SHA256, GIT_BLOB = re.compile(r"[0-9a-f]{64}"), re.compile(r"[0-9a-f]{40}")
DOWNLOADS = Path(".cache", "huggingface", "download")
"""Where the hub client notes the tags of files that it put into a folder."""


class Verdict(NamedTuple):
    """What became of the check of a file, a package or the commit.

    ``state`` is "ok", "unannounced" (nobody said what the file should be), "differs", "missing", or
    "unlisted" (a load would read a file that is not in the lock).
    """

    what: str
    state: str
    expected: str
    found: str

    @property
    def good(self) -> bool:
        return self.state in ("ok", "unannounced")


def verified_lock(
    lock: Lock, name: str | os.PathLike[str], hub: Mapping[str, Any]
) -> Iterator[Verdict]:
    """Yield a verdict on each package, on the commit, and on each file that a lock lists.

    ``hub`` are the options of ``from_pretrained``. Files of a repository that are not on this
    machine are judged by what the hub announces, or fetched if it announces nothing.
    """
    wrong = lock.other_packages()
    for package, version in lock.packages.items():
        found = wrong[package][1] or "not installed" if package in wrong else version
        yield Verdict(package, "differs" if package in wrong else "ok", version, found)
    options, _ = HubOptions.split(hub)
    commit = lock.commit_for(os.fspath(name))
    if commit is not None and options.revision is None:
        options, _ = HubOptions.split({**hub, "revision": commit})
    files = open_checkpoint(name, options)
    if lock.commit is not None and files.commit is not None:
        state = "ok" if files.commit == lock.commit else "differs"
        yield Verdict("commit", state, lock.commit, files.commit)
    for path, expected in lock.files.items():
        yield _verdict(path, expected, files)


def _verdict(path: str, expected: LockedFile, root: CheckpointFiles) -> Verdict:
    *folders, filename = path.split("/")
    files: CheckpointFiles | None = root
    for folder in folders:
        files = None if files is None else files.folder_inside(folder)
    if files is None or not files.has(filename):
        return Verdict(path, "missing", str(expected), "no such file")
    announced = None if files.is_local(filename) else files.announced(filename)
    if announced is not None:
        found = LockedFile(announced, files.size(filename) or 0)
    else:
        found = LockedFile.of(files.require(filename))
    return Verdict(path, "ok" if found == expected else "differs", str(expected), str(found))


def verified_announcements(
    name: str | os.PathLike[str], hub: Mapping[str, Any]
) -> Iterator[Verdict]:
    """Yield a verdict on each file of a folder, or of the cache of a hub repository.

    The hub's client keeps the tags that were announced: a sha256 for large files, git's name of the
    content for small ones. The network is not asked.
    """
    options, _ = HubOptions.split(hub)
    folder = expanded(name)
    if not folder.is_dir():
        folder = _snapshot(os.fspath(name), options)
    folder = folder.joinpath(*filter(None, options.subfolder.split("/")))
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        inside = path.relative_to(folder)
        if inside.parts[0] not in (".cache", ".git"):
            yield _announced(inside.as_posix(), path, folder)


def _snapshot(name: str, options: HubOptions) -> Path:
    cache = RepositoryCache(name, options)
    revision = options.revision or "main"
    commit = cache.commit(revision)
    if commit is None:
        raise CheckpointNotFoundError(
            f"{shown(name)} is neither a folder nor, at revision {shown(revision)}, in the cache "
            f"{shown(str(cache.root))}: there is nothing to verify"
        )
    return cache.snapshot(commit)


def _announced(name: str, path: Path, folder: Path) -> Verdict:
    expected = _tag(path, folder / DOWNLOADS / f"{name}.metadata")
    found = ""
    if SHA256.fullmatch(expected):
        expected, found = f"sha256 {expected}", f"sha256 {sha256_of(path)}"
    elif GIT_BLOB.fullmatch(expected):
        expected, found = f"git blob {expected}", f"git blob {git_blob_of(path)}"
    if found:
        return Verdict(name, "ok" if found == expected else "differs", expected, found)
    if name.endswith(".safetensors"):
        try:
            read_header(path)
        except CheckpointFormatError as error:
            return Verdict(name, "differs", "a whole safetensors file", str(error))
    return Verdict(name, "unannounced", "", "")


def _tag(path: Path, note: Path) -> str:
    """Return the tag that the hub's client keeps of a file, or nothing."""
    kept = path.resolve()
    if kept.parent.name == "blobs":
        return kept.name
    try:
        return note.read_text(encoding="utf-8").splitlines()[1].strip()
    except (OSError, UnicodeDecodeError, IndexError):
        return ""
