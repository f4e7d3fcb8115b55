"""A place for checkpoints: ``shelf:NAME`` is a folder below ``$AUTOMODEL_EXTRAS_SHELF``."""

from __future__ import annotations

import os
from pathlib import Path

from automodel_core.checkpoint import CheckpointFiles, HubOptions, LocalFiles


def open_from_shelf(
    name_or_path: str | os.PathLike[str], options: HubOptions
) -> CheckpointFiles | None:
    """Return the files of a checkpoint on the shelf; other names are for other sources."""
    kind, _, name = str(name_or_path).partition(":")
    if kind != "shelf" or not name:
        return None
    return LocalFiles(str(name_or_path), Path(os.environ["AUTOMODEL_EXTRAS_SHELF"], name))
