"""Where the files of a checkpoint come from: a local folder, the hub, or a plugin's source.

A source answers with `CheckpointFiles`, which hands out paths of whole local files, all of one
revision.
"""

from __future__ import annotations

import os
from typing import Any

from automodel_core.checkpoint.places.files import CheckpointFiles, HeaderEntry
from automodel_core.checkpoint.places.locks.locked_files import LockedFiles
from automodel_core.checkpoint.places.options import HubOptions
from automodel_core.errors import CheckpointNotFoundError, InputError, shown

__all__ = ["CheckpointFiles", "HeaderEntry", "open_checkpoint"]


def open_checkpoint(
    name_or_path: str | os.PathLike[str], options: HubOptions | None = None
) -> CheckpointFiles:
    """Find a checkpoint: a local folder first, then the sources of plugins, then the hub.

    With ``options.lock`` its files are those of the lock, or refused. Raises
    ``CheckpointNotFoundError`` that says what was looked for, where, and what to do.
    """
    from automodel_core import registry

    options = options or HubOptions()
    if not isinstance(name_or_path, (str, os.PathLike)):
        raise InputError(
            f"a checkpoint is named by a folder or a hub id, got {shown(name_or_path)}"
        )
    if not os.fspath(name_or_path):
        raise InputError("the name of the checkpoint is empty; give a folder or a hub id")
    options = options.pinned(os.fspath(name_or_path))
    for source in registry.parts.by_priority(registry.Source):
        opener: Any = registry.resolve(source.opener)
        files = opener(name_or_path, options)
        if files is None:
            continue
        if not isinstance(files, CheckpointFiles):
            raise TypeError(
                f"source {source.name!r} must return CheckpointFiles or None, got {shown(files)}"
            )
        if options.lock is not None:
            return LockedFiles(files, options.lock, options.subfolder)
        return files
    raise CheckpointNotFoundError(
        f"{shown(os.fspath(name_or_path))} is neither a local folder nor known to a source"
    )
