"""Arguments of every ``from_pretrained``: where the files are, and what is refused."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from automodel_core.checkpoint.places.file_names import is_plain, local_file
from automodel_core.checkpoint.places.locks.lock import FileCheck, Lock
from automodel_core.errors import InputError, RemoteCodeRefusedError, shown, warn_caller

__all__ = ["INTERNAL", "HubOptions", "caller_arguments"]

INTERNAL = frozenset({"_commit_hash", "_from_auto", "_from_pipeline"})
"""What other libraries pass on from one ``from_pretrained`` to the next."""
REMOTE_CODE = ("trust_remote_code", "code_revision")

OBSOLETE = {
    "resume_download": "downloads decide by themselves what to fetch",
    "use_auth_token": "pass token= instead",
    "mirror": "set the environment variable HF_ENDPOINT instead",
}
"""Arguments of older Auto classes, and what to do today; they are accepted and ignored."""


def caller_arguments(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments without internal ones, and refuse those that ask for remote code.

    ``trust_remote_code=False`` and ``None`` say what holds anyway, and are dropped.
    """
    rest = {key: value for key, value in kwargs.items() if key not in INTERNAL}
    for key in REMOTE_CODE:
        if value := rest.pop(key, None):
            raise RemoteCodeRefusedError(
                f"{key}={shown(value)} asks for code from a checkpoint to be run, which never "
                "happens here: leave the argument out, and install the package that provides the "
                "architecture ('automodel-core list' shows what is installed, "
                "'automodel-core new NAME' begins a package)"
            )
    return rest


@dataclass(frozen=True)
class HubOptions:
    """How to find the files of a checkpoint; the arguments that ``from_pretrained`` passes on.

    ``token`` is a token, ``True`` for the one that is logged in, ``False`` for none. ``revision``
    is a branch, a tag, a commit or ``refs/pr/N``. ``lock`` sees every file before it is read.
    ``proxies`` is accepted for older callers: the hub client reads ``HTTPS_PROXY``.
    """

    cache_dir: str | os.PathLike[str] | None = None
    force_download: bool = False
    local_files_only: bool = False
    proxies: Mapping[str, str] | None = field(default=None, repr=False)
    token: str | bool | None = field(default=None, repr=False)
    revision: str | None = None
    subfolder: str = ""
    lock: FileCheck | None = None

    def __post_init__(self) -> None:
        if self.force_download and self.local_files_only:
            raise InputError("force_download=True and local_files_only=True exclude each other")
        if self.revision is not None:
            _check_parts("revision", self.revision)
        if self.subfolder:
            _check_parts("subfolder", self.subfolder)
        if self.proxies:
            warn_caller("proxies= has no effect: set the environment variable HTTPS_PROXY")

    @classmethod
    def split(cls, kwargs: Mapping[str, Any]) -> tuple[HubOptions, dict[str, Any]]:
        """Return the options that ``kwargs`` names, and the other arguments."""
        rest = dict(kwargs)
        for name, advice in OBSOLETE.items():
            if rest.pop(name, None) is not None:
                warn_caller(f"{name}= has no effect: {advice}", FutureWarning)
        known = {f.name: rest.pop(f.name) for f in fields(cls) if f.name in rest}
        if known.get("subfolder", "") is None:
            known["subfolder"] = ""
        if (lock := known.get("lock")) is not None and not isinstance(lock, FileCheck):
            known["lock"] = Lock.read(lock)
        return cls(**known), rest

    def single_file(self, name: str | os.PathLike[str]) -> Path | None:
        """Return the single file that the name of a checkpoint is, or ``None`` if it is not one."""
        file = local_file(name)
        if file is not None and self.lock is not None:
            raise InputError(
                f"lock= is about the files of a checkpoint, and {shown(str(file))} is a single "
                "file: give its folder"
            )
        return file

    def pinned(self, name: str) -> HubOptions:
        """Return the options with the commit that the lock has for a checkpoint, unless given."""
        commit = None if self.lock is None else self.lock.commit_for(name)
        return self if commit is None or self.revision else replace(self, revision=commit)

    def keywords(self, commit: str | None) -> dict[str, Any]:
        """Return the arguments with which a class finds the files again, at the same commit."""
        given = vars(self)
        chosen = {f.name: given[f.name] for f in fields(self) if given[f.name] != f.default}
        return chosen if commit is None else {**chosen, "revision": commit}


def _check_parts(what: str, value: str) -> None:
    """Refuse a revision or subfolder that would leave the folder it is looked for in."""
    if not isinstance(value, str):
        raise InputError(f"{what} must be a string, got {shown(value)}")
    parts = value.strip("/").split("/")
    if value.startswith("/") or any(not is_plain(part) for part in parts):
        raise InputError(f"{what} must be a relative name without '..', got {shown(value)}")
