"""The hub client's cache of one repository, in its documented layout.

It is read here because the client's own look-up lists folders for each file, and so takes twenty
times as long.
"""

from __future__ import annotations

import re
from pathlib import Path

from automodel_core.checkpoint.places.atomic_write import atomic_write
from automodel_core.checkpoint.places.options import HubOptions

__all__ = ["COMMIT", "RepositoryCache"]

COMMIT = re.compile(r"[0-9a-f]{40}")


class RepositoryCache:
    """The hub client's cache of one repository, in its documented layout."""

    def __init__(self, repo_id: str, options: HubOptions) -> None:
        from huggingface_hub import constants

        self.root = Path(options.cache_dir or constants.HF_HUB_CACHE).expanduser()
        self._folder = self.root / ("models--" + repo_id.replace("/", "--"))

    def commit(self, revision: str) -> str | None:
        """Return the commit that a revision last had, if files of it are here."""
        commit = revision
        if not COMMIT.fullmatch(revision):
            try:
                commit = (self._folder / "refs" / revision).read_text("utf-8").strip()
            except (OSError, UnicodeDecodeError):
                return None
        found = COMMIT.fullmatch(commit) and (self._folder / "snapshots" / commit).is_dir()
        return commit if found else None

    def snapshot(self, commit: str) -> Path:
        """Return the folder with the files of a commit."""
        return self._folder / "snapshots" / commit

    def files(self, commit: str) -> frozenset[str]:
        folder = self.snapshot(commit)
        return frozenset(
            path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
        )

    def find(self, commit: str, path: str) -> Path | None:
        local = self._folder.joinpath("snapshots", commit, *path.split("/"))
        return local if local.is_file() else None

    def is_absent(self, commit: str, path: str) -> bool:
        """Return whether the hub once said that the commit has no such file."""
        return self._folder.joinpath(".no_exist", commit, *path.split("/")).is_file()

    def note_absent(self, commit: str, path: str) -> None:
        self._note(self._folder.joinpath(".no_exist", commit, *path.split("/")), "")

    def note_revision(self, revision: str, commit: str) -> None:
        """Remember what a branch or tag points to, so that it can be used offline."""
        if revision != commit:
            self._note(self._folder.joinpath("refs", *revision.strip("/").split("/")), commit)

    def _note(self, path: Path, text: str) -> None:
        """Write a small note for the next time; a cache that cannot be written does no harm."""
        try:
            if path.is_file() and path.read_text("utf-8") == text:
                return
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(path) as file:
                file.write(text.encode("utf-8"))
        except OSError:
            return
