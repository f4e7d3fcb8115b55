"""Lock a checkpoint: load what it has, and record every file that was read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from automodel_core import registry
from automodel_core.auto.config import AutoConfig
from automodel_core.auto.plan import provider_of
from automodel_core.auto.processors import AutoFeatureExtractor, AutoImageProcessor, AutoProcessor
from automodel_core.auto.tokenizer import AutoTokenizer
from automodel_core.checkpoint.places.files import CheckpointFiles
from automodel_core.checkpoint.places.locks.lock import Lock, LockedFile, version_of
from automodel_core.checkpoint.places.options import HubOptions
from automodel_core.checkpoint.places.rereading import reread_on_change
from automodel_core.checkpoint.places.source import open_checkpoint
from automodel_core.checkpoint.verification import Verdict, verified_lock
from automodel_core.errors import AutomodelError, InputError

__all__ = ["lock_checkpoint", "verify_lock"]

PREPROCESSORS: tuple[Any, ...] = (
    AutoTokenizer,
    AutoImageProcessor,
    AutoFeatureExtractor,
    AutoProcessor,
)
GENERATION_FILE = "generation_config.json"
_PARALLEL_DIGESTS = 4


@dataclass
class _Record:
    """Admits every file of a load, and notes it: what a lock is made of.

    ``announced`` are weight files that the source knows a digest of, and that were not fetched.
    """

    name: str
    commit: str | None = None
    read: dict[str, Path] = field(default_factory=dict)
    announced: dict[str, LockedFile] = field(default_factory=dict)
    distributions: set[str] = field(default_factory=set)

    def check(self, path: str, file: Path, place: str) -> None:
        self.read[path] = file

    def check_absent(self, path: str, place: str) -> None:
        return

    def check_origin(self, name: str, commit: str | None) -> None:
        self.commit = commit

    def check_provider(self, distribution: str | None, what: str) -> None:
        self.distributions |= {distribution} if distribution else set()

    def commit_for(self, name: str) -> str | None:
        return self.commit


@reread_on_change
def lock_checkpoint(
    name: str | os.PathLike[str],
    *,
    variant: str | None = None,
    plugin: str | None = None,
    **hub: Any,
) -> Lock:
    """Return the lock of a checkpoint: its commit, every file that loads read, and the packages.

    Its configuration, tokenizer and processors are loaded to see which files they read. Of its
    weights, the digests that the hub announces are taken; without them they are fetched. Raises
    `InputError` for arguments that do not say where the files are.
    """
    record = _recorded(name, variant, plugin, hub)
    with ThreadPoolExecutor(_PARALLEL_DIGESTS) as pool:
        digests = pool.map(LockedFile.of, record.read.values())
        files = {**dict(zip(record.read, digests, strict=True)), **record.announced}
    packages = ("automodel-core", *sorted(record.distributions))
    versions = {package: version_of(package) or "unknown" for package in packages}
    return Lock(record.name, record.commit, files, versions, variant)


def verify_lock(lock: Lock, name: str | os.PathLike[str], **hub: Any) -> Iterator[Verdict]:
    """Yield what is as locked, and what is not: packages, commit, files, and files too many.

    Files of a repository that are not on this machine are judged by what the hub announces.
    """
    good = True
    for verdict in verified_lock(lock, name, hub):
        good = good and verdict.good
        yield verdict
    if not good:  # what is wrong already may keep loads from saying what they read
        return
    commit = lock.commit_for(os.fspath(name))
    where = hub if commit is None else {"revision": commit, **hub}
    record = _recorded(name, lock.variant, None, where)
    for path in sorted({*record.read, *record.announced} - set(lock.files)):
        yield Verdict(path, "unlisted", "no such file", "a load would read it")


def _recorded(
    name: str | os.PathLike[str], variant: str | None, plugin: str | None, hub: dict[str, Any]
) -> _Record:
    """Load all of a checkpoint but its weights, and return what was read."""
    record = _Record(os.fspath(name))
    options, rest = HubOptions.split({**hub, "lock": record})
    if rest:
        raise InputError(f"a lock has no use for {', '.join(rest)}")
    files = open_checkpoint(name, options)
    arguments = {**options.keywords(files.commit), "plugin": plugin}
    config = AutoConfig.from_pretrained(name, **arguments)
    for part in (config, *config.all_parts()):
        record.check_provider(registry.architectures.provider(part), part.model_type)
    _record_weights(files, record, options.subfolder, variant)
    files.find(GENERATION_FILE)
    for preprocessor in PREPROCESSORS:
        try:
            found = preprocessor.from_pretrained(name, **arguments)
        except AutomodelError:  # it has none, or one that no load could read
            continue
        record.check_provider(provider_of(type(found).__module__)[0], type(found).__name__)
    return record


def _record_weights(
    files: CheckpointFiles, record: _Record, subfolder: str, variant: str | None
) -> None:
    """Record the weight files, by the digests that the source announces where it has some."""
    from automodel_core.checkpoint.formats.choice import find_weights

    folder = f"{subfolder.strip('/')}/" if subfolder else ""
    fetched = []
    for name in find_weights(files, variant=variant).names:
        announced = None if files.is_local(name) else files.announced(name)
        size = None if announced is None else files.size(name)
        if announced is None or size is None:
            fetched.append(name)
        else:
            record.announced[folder + name] = LockedFile(announced, size)
    if fetched:
        files.require_all(fetched)
