"""Repositories on the hub, through ``huggingface_hub``.

One request resolves the revision to a commit and lists its files; every file then comes from that
commit. Offline, and for a commit that is in the cache, nothing is asked of the network.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from automodel_core.checkpoint.places.atomic_write import atomic_write
from automodel_core.checkpoint.places.file_names import plain_name
from automodel_core.checkpoint.places.options import HubOptions
from automodel_core.checkpoint.places.source import CheckpointFiles, HeaderEntry
from automodel_core.errors import CheckpointNotFoundError, InputError, shown, warn_caller

__all__ = ["HubFiles", "open_repository"]

_COMMIT = re.compile(r"[0-9a-f]{40}")
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
    cache = _RepositoryCache(repo_id, options)
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
    try:
        commit, listing = _ask(repo_id, revision, options)
    except Exception as error:
        lasting = isinstance(error, RevisionNotFoundError) or options.force_download
        if commit is None or lasting:
            raise _explained(error, repo_id, revision) from error
        _warn_of_cache(repo_id, revision, error)
        return HubFiles(repo_id, options, cache, commit, offline=True)
    if cache.commit(commit):
        cache.note_revision(revision, commit)
    return HubFiles(repo_id, options, cache, commit, listing=listing)


class HubFiles(CheckpointFiles):
    """The files of one commit of a repository."""

    def __init__(
        self,
        repo_id: str,
        options: HubOptions,
        cache: _RepositoryCache,
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

    @property
    def place(self) -> str:
        where = f", subfolder {shown(self._prefix[:-1])}" if self._prefix else ""
        kept = " in the cache (offline)" if self._offline else ""
        return f"hub repository {shown(self.name)} at {self._commit[:12]}{where}{kept}"

    def names(self) -> frozenset[str]:
        known = self._cache.files(self._commit) if self._listing is None else self._listing
        rest = (name[len(self._prefix) :] for name in known if name.startswith(self._prefix))
        return frozenset(name for name in rest if "/" not in name)

    def find(self, filename: str) -> Path | None:
        path = self._prefix + plain_name(filename)
        if self._options.force_download:
            if filename in self._fresh:
                return self._fresh[filename]
        elif (cached := self._cache.find(self._commit, path)) is not None:
            return cached
        if not self._exists(path):
            return None
        self._fresh[filename] = self._download(path)
        return self._fresh[filename]

    def require_all(self, filenames: Iterable[str]) -> list[Path]:
        wanted = list(dict.fromkeys(filenames))
        todo = [name for name in wanted if not self.is_local(name)]
        if len(todo) > 1 and all(map(self.has, todo)):
            with ThreadPoolExecutor(min(_PARALLEL_DOWNLOADS, len(todo))) as pool:
                for future in [pool.submit(self.find, name) for name in todo]:
                    future.result()
        return super().require_all(wanted)

    def has(self, filename: str) -> bool:
        return self.is_local(filename) or self._exists(self._prefix + plain_name(filename))

    def is_local(self, filename: str) -> bool:
        if self._options.force_download:
            return filename in self._fresh
        return self._cache.find(self._commit, self._prefix + plain_name(filename)) is not None

    def size(self, filename: str) -> int | None:
        from huggingface_hub import get_hf_file_metadata, hf_hub_url

        path = self._prefix + plain_name(filename)
        cached = self._cache.find(self._commit, path)
        if cached is not None:
            return cached.stat().st_size
        if not self._exists(path):
            return None
        try:
            url = hf_hub_url(self.name, path, revision=self._commit)
            return get_hf_file_metadata(url, token=self._options.token).size
        except Exception as error:
            raise _explained(error, self.name, self._commit, path) from error

    def remote_header(self, filename: str) -> list[HeaderEntry]:
        from huggingface_hub import HfApi

        path = self._prefix + plain_name(filename)
        try:
            found = HfApi(token=self._options.token).parse_safetensors_file_metadata(
                self.name, path, revision=self._commit
            )
        except Exception as error:
            raise _explained(error, self.name, self._commit, path) from error
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
                _, self._listing = _ask(self.name, self._commit, self._options)
            except Exception as error:  # noqa: BLE001 - the client raises many kinds
                _warn_of_cache(self.name, self._commit, error)
                self._offline = True
                return False
        if path not in self._listing:
            self._cache.note_absent(self._commit, path)
            return False
        return True

    def _download(self, path: str) -> Path:
        from huggingface_hub import hf_hub_download

        try:
            local = hf_hub_download(
                self.name,
                path,
                revision=self._commit,
                cache_dir=str(self._cache.root),
                force_download=self._options.force_download,
                token=self._options.token,
                library_name="automodel-core",
            )
        except Exception as error:
            raise _explained(error, self.name, self._commit, path) from error
        self._cache.note_revision(self._options.revision or "main", self._commit)
        return Path(local)


class _RepositoryCache:
    """The hub client's cache of one repository, in its documented layout."""

    def __init__(self, repo_id: str, options: HubOptions) -> None:
        from huggingface_hub import constants

        self.root = Path(options.cache_dir or constants.HF_HUB_CACHE).expanduser()
        self._folder = self.root / ("models--" + repo_id.replace("/", "--"))

    def commit(self, revision: str) -> str | None:
        """Return the commit that a revision last had, if files of it are here."""
        commit = revision
        if not _COMMIT.fullmatch(revision):
            try:
                commit = (self._folder / "refs" / revision).read_text("utf-8").strip()
            except (OSError, UnicodeDecodeError):
                return None
        found = _COMMIT.fullmatch(commit) and (self._folder / "snapshots" / commit).is_dir()
        return commit if found else None

    def files(self, commit: str) -> frozenset[str]:
        folder = self._folder / "snapshots" / commit
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


def _ask(repo_id: str, revision: str, options: HubOptions) -> tuple[str, frozenset[str]]:
    """Return the commit of a revision and the names of its files, with one request."""
    from huggingface_hub import HfApi, constants

    api = HfApi(token=options.token, library_name="automodel-core")
    info = api.model_info(repo_id, revision=revision, timeout=constants.HF_HUB_ETAG_TIMEOUT)
    if info.sha is None or not _COMMIT.fullmatch(info.sha):
        raise CheckpointNotFoundError(
            f"the hub answered for {shown(repo_id)} with commit {shown(info.sha)}; 40 hexadecimal "
            "digits were expected. If HF_ENDPOINT is set, check that it names a hub"
        )
    return info.sha, frozenset(file.rfilename for file in info.siblings or ())


def _warn_of_cache(repo_id: str, revision: str, error: Exception) -> None:
    warn_caller(
        f"the hub could not be asked about {shown(repo_id)} at {shown(revision)} "
        f"({type(error).__name__}: {shown(str(error))}); the files in the cache are used"
    )


def _explained(
    error: Exception, repo_id: str, revision: str, filename: str | None = None
) -> CheckpointNotFoundError:
    """Return the error that says what was asked of the hub, what it answered, and what to do."""
    from huggingface_hub import constants
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HfHubHTTPError,
        LocalTokenNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    if isinstance(error, CheckpointNotFoundError):
        return error
    what = f"{shown(repo_id)} at revision {shown(revision)}"
    if filename is not None:
        what = f"file {shown(filename)} of {what}"
    log_in = "log in with 'hf auth login' or pass token="
    if isinstance(error, GatedRepoError):
        reason = (
            f"access to {what} is gated: ask for it at {constants.ENDPOINT}/{repo_id} and {log_in}"
        )
    elif isinstance(error, RepositoryNotFoundError):
        reason = (
            f"{shown(repo_id)} is not a local folder and not a repository on {constants.ENDPOINT}; "
            f"check the name, or, if the repository is private, {log_in}"
        )
    elif isinstance(error, RevisionNotFoundError):
        reason = f"hub repository {shown(repo_id)} has no revision {shown(revision)}"
    elif isinstance(error, LocalTokenNotFoundError):
        reason = f"token=True was given and nobody is logged in: {log_in}"
    elif isinstance(error, OfflineModeIsEnabled):
        reason = f"{what} is not in the cache, and offline mode is on"
    elif isinstance(error, HfHubHTTPError) and error.response is not None:
        status = error.response.status_code
        reason = f"the hub answered {status} for {what}: {shown(str(error))}"
    elif isinstance(error, EntryNotFoundError) and filename is not None:
        reason = f"{what} cannot be fetched and is not in the cache: {shown(str(error))}"
    else:
        reason = (
            f"{what} cannot be fetched ({type(error).__name__}: {shown(str(error))}); "
            "check the connection, or use local_files_only=True with a filled cache"
        )
    return CheckpointNotFoundError(reason)
