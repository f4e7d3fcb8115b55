"""A source: checkpoints by name, on the shelf of ``AUTOMODEL_SHELF``."""

from __future__ import annotations

import os
from pathlib import Path

from automodel_core.checkpoint import CheckpointFiles, HubOptions, LocalFiles

PREFIX = "shelf:"


def open_shelf(name: str | os.PathLike[str], options: HubOptions) -> CheckpointFiles | None:
    """Return the files of ``shelf:NAME``; pass on every other name, and what is not there."""
    text, shelf = os.fspath(name), os.environ.get("AUTOMODEL_SHELF")
    if shelf is None or not text.startswith(PREFIX):
        return None
    label = text.removeprefix(PREFIX)
    folder = Path(shelf, label)
    if Path(label).name != label or not folder.is_dir():
        return None
    return LocalFiles(text, folder)
