"""Repositories on the hub, through ``huggingface_hub``.

One request resolves the revision to a commit and lists its files; every file then comes from that
commit. Offline, and for a commit that is in the cache, nothing is asked of the network.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automodel_core.checkpoint.places.file_names import plain_name
from automodel_core.checkpoint.places.files import CheckpointFiles, HeaderEntry
from automodel_core.checkpoint.places.hub.answers import Patience, explained
from automodel_core.checkpoint.places.hub.cache import COMMIT, RepositoryCache
from automodel_core.checkpoint.places.hub.transfer import forget, is_as_announced, one_bar
from automodel_core.checkpoint.places.options import HubOptions
from automodel_core.errors import (
    CheckpointFormatError,
    CheckpointNotFoundError,
    InputError,
    shown,
    warn_caller,
)

if TYPE_CHECKING:
    from huggingface_hub.hf_api import RepoSibling

__all__ = ["HubFiles", "open_repository"]

_PARALLEL_DOWNLOADS = 8


def open_repository(name_or_path: str | os.PathLike[str], options: HubOptions) -> HubFiles:
    """Resolve a repository and revision to the files of one commit."""
    from huggingface_hub import constants
    from huggingface_hub.errors import HFValidationError, RevisionNotFoundError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    repo_id = os.fspath(name_or_path)
    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        raise CheckpointNotFoundError(
            f"{shown(repo_id)} is neither a local folder nor a valid hub id like 'name' or "
            "'organisation/name'"
        ) from error
    offline = options.local_files_only or constants.HF_HUB_OFFLINE
    if offline and options.force_download:
        raise InputError("force_download=True needs the network, and offline mode is on")
    cache = RepositoryCache(repo_id, options)
    revision = options.revision or constants.DEFAULT_REVISION
    commit = cache.commit(revision)
    if offline:
        if commit is None:
            raise CheckpointNotFoundError(
                f"{shown(repo_id)} is not a local folder, revision {shown(revision)} is not in the "
                f"cache {shown(str(cache.root))}, and the network is not used "
                "(local_files_only=True or HF_HUB_OFFLINE): download it once, or go online"
            )
        return HubFiles(repo_id, options, cache, commit, offline=True)
    if commit == revision and not options.force_download:
        return HubFiles(repo_id, options, cache, revision)
    patience = Patience()
    try:
        commit, listing = patience.ask(lambda: _ask(repo_id, revision, options))
    except Exception as error:
        lasting = isinstance(error, RevisionNotFoundError) or options.force_download
        if commit is None or lasting:
            raise explained(error, repo_id, revision) from error
        _warn_of_cache(repo_id, revision, error)
        return HubFiles(repo_id, options, cache, commit, offline=True)
    if cache.commit(commit):
        cache.note_revision(revision, commit)
    return HubFiles(repo_id, options, cache, commit, listing=frozenset(listing))


class HubFiles(CheckpointFiles):
    """The files of one commit of a repository."""

    def __init__(
        self,
        repo_id: str,
        options: HubOptions,
        cache: RepositoryCache,
        commit: str,
        *,
        listing: frozenset[str] | None = None,
        offline: bool = False,
    ) -> None:
        super().__init__(repo_id, commit)
        self._options = options
        self._cache = cache
        self._commit = commit
        self._offline = offline
        self._fresh: dict[str, Path] = {}
        subfolder = options.subfolder.strip("/")
        self._prefix = f"{subfolder}/" if subfolder else ""
        self._listing = listing
        self._siblings: dict[str, RepoSibling] | None = None
        self._patience = Patience()

    @property
    def place(self) -> str:
        where = f", subfolder {shown(self._prefix[:-1])}" if self._prefix else ""
        kept = " in the cache (offline)" if self._offline else ""
        return f"hub repository {shown(self.name)} at {self._commit[:12]}{where}{kept}"

    def names(self) -> frozenset[str]:
        return frozenset(name for name in self._below() if "/" not in name)

    def folders(self) -> frozenset[str]:
        return frozenset(name.partition("/")[0] for name in self._below() if "/" in name)

    def _below(self) -> list[str]:
        """Return the paths of the known files inside the subfolder."""
        known = self._cache.files(self._commit) if self._listing is None else self._listing
        return [name[len(self._prefix) :] for name in known if name.startswith(self._prefix)]

    def find(self, filename: str) -> Path | None:
        path = self._prefix + plain_name(filename)
        if self._options.force_download:
            if filename in self._fresh:
                return self._fresh[filename]
        elif (cached := self._cache.find(self._commit, path)) is not None:
            return cached
        if not self._exists(path):
            return None
        return self._fetch(filename)

    def _fetch(self, filename: str, bar: type[Any] | None = None) -> Path:
        self._fresh[filename] = self._download(self._prefix + plain_name(filename), bar)
        return self._fresh[filename]

    def require_all(self, filenames: Iterable[str]) -> list[Path]:
        wanted = list(dict.fromkeys(filenames))
        self.check_present(wanted)
        todo = [name for name in wanted if not self.is_local(name)]
        if len(todo) > 1:
            self._find_side_by_side(todo)
        return [self.require(name) for name in wanted]

    def _find_side_by_side(self, filenames: list[str]) -> None:
        """Fetch several files at once, with one progress bar for all."""
        with one_bar(len(filenames)) as part_of_bar:
            pool = ThreadPoolExecutor(min(_PARALLEL_DOWNLOADS, len(filenames)))
            try:
                for future in [pool.submit(self._fetch, name, part_of_bar) for name in filenames]:
                    future.result()
            finally:
                pool.shutdown(cancel_futures=True)

    def has(self, filename: str) -> bool:
        return self.is_local(filename) or self._exists(self._prefix + plain_name(filename))

    def is_local(self, filename: str) -> bool:
        if self._options.force_download:
            return filename in self._fresh
        return self._cache.find(self._commit, self._prefix + plain_name(filename)) is not None

    def size(self, filename: str) -> int | None:
        path = self._prefix + plain_name(filename)
        cached = self._cache.find(self._commit, path)
        if cached is not None:
            return cached.stat().st_size
        return self._details()[path].size if self._exists(path) else None

    def announced(self, filename: str) -> str | None:
        path = self._prefix + plain_name(filename)
        if self._offline or not self._exists(path):
            return None
        stored = self._details()[path].lfs
        return None if stored is None else stored.sha256

    def _details(self) -> dict[str, RepoSibling]:
        """Return what the hub knows of all files, asked for once."""
        if self._siblings is None:
            try:
                _, self._siblings = self._patience.ask(
                    lambda: _ask(self.name, self._commit, self._options, details=True)
                )
            except Exception as error:
                raise explained(error, self.name, self._commit) from error
        return self._siblings

    def folder_inside(self, name: str) -> CheckpointFiles | None:
        inside = replace(self._options, subfolder=self._prefix + plain_name(name))
        files = HubFiles(
            self.name,
            inside,
            self._cache,
            self._commit,
            listing=self._listing,
            offline=self._offline,
        )
        return files if files.names() else None

    def remote_header(self, filename: str) -> list[HeaderEntry]:
        from huggingface_hub import HfApi

        path = self._prefix + plain_name(filename)
        try:
            api = HfApi(token=self._options.token)
            found = self._patience.ask(
                lambda: api.parse_safetensors_file_metadata(self.name, path, revision=self._commit)
            )
        except Exception as error:
            raise explained(error, self.name, self._commit, path) from error
        return [
            (name, str(info.dtype), list(info.shape), (info.data_offsets[0], info.data_offsets[1]))
            for name, info in found.tensors.items()
        ]

    def _exists(self, path: str) -> bool:
        """Return whether the commit has a file that is not in the cache, asking the hub once."""
        if self._offline or self._cache.is_absent(self._commit, path):
            return False
        if self._listing is None:
            try:
                _, listing = self._patience.ask(
                    lambda: _ask(self.name, self._commit, self._options)
                )
                self._listing = frozenset(listing)
            except Exception as error:  # noqa: BLE001 - the client raises many kinds
                _warn_of_cache(self.name, self._commit, error)
                self._offline = True
                return False
        if path not in self._listing:
            self._cache.note_absent(self._commit, path)
            return False
        return True

    def _download(self, path: str, bar: type[Any] | None) -> Path:
        """Fetch a file into the cache; once more, if it is not what the hub announced."""
        from huggingface_hub import hf_hub_download

        fetch: Any = partial(
            hf_hub_download,
            self.name,
            path,
            revision=self._commit,
            cache_dir=str(self._cache.root),
            token=self._options.token,
            library_name="automodel-core",
            **({} if bar is None else {"tqdm_class": bar}),
        )
        forced = self._options.force_download
        try:
            local = Path(self._patience.ask(partial(fetch, force_download=forced)))
            if not is_as_announced(local):
                local = Path(self._patience.ask(partial(fetch, force_download=True)))
        except Exception as error:
            raise explained(error, self.name, self._commit, path) from error
        if not is_as_announced(local):
            announced = local.resolve().name
            forget(local)
            raise CheckpointFormatError(
                f"{self.place}: the hub announced sha256 {announced} for {shown(path)}, and sent "
                "something else, twice; if HF_ENDPOINT or a proxy is set, check what it sends"
            )
        self._cache.note_revision(self._options.revision or "main", self._commit)
        return local


def _ask(
    repo_id: str, revision: str, options: HubOptions, *, details: bool = False
) -> tuple[str, dict[str, RepoSibling]]:
    """Return the commit of a revision and its files by name, with one request.

    Sizes and digests are among what is known of a file if ``details`` are asked for.
    """
    from huggingface_hub import HfApi, constants

    api = HfApi(token=options.token, library_name="automodel-core")
    info = api.model_info(
        repo_id,
        revision=revision,
        timeout=constants.HF_HUB_ETAG_TIMEOUT,
        files_metadata=details,
    )
    if info.sha is None or not COMMIT.fullmatch(info.sha):
        raise CheckpointNotFoundError(
            f"the hub answered for {shown(repo_id)} with commit {shown(info.sha)}; 40 hexadecimal "
            "digits were expected. If HF_ENDPOINT is set, check that it names a hub"
        )
    return info.sha, {file.rfilename: file for file in info.siblings or ()}


def _warn_of_cache(repo_id: str, revision: str, error: Exception) -> None:
    warn_caller(
        f"the hub could not be asked about {shown(repo_id)} at {shown(revision)} "
        f"({type(error).__name__}: {shown(str(error))}); the files in the cache are used"
    )
