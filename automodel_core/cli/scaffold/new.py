"""``new``: a plugin to begin with, which installs, loads, generates and passes its tests."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from automodel_core import registry
from automodel_core.cli.output import note, print_json
from automodel_core.cli.scaffold.files import plugin_files
from automodel_core.errors import InputError, shown
from automodel_core.registry import hints

__all__ = ["new", "write_files"]


def new(options: argparse.Namespace) -> int:
    """Write the files of a new plugin into a new folder."""
    distribution = f"automodel-{options.name.replace('_', '-')}"
    files = plugin_files(options.name, options.kind, options.tokenizer, options.class_name)
    folder = Path(options.folder or distribution)
    written = write_files(files, folder)
    if options.kind != "extension":
        warn_of_owner(options.name)
    if options.json:
        print_json({"distribution": distribution, "written": [str(path) for path in written]})
        return 0
    for path in written:
        print(path)
    note(f"now: pip install -e {folder}[testing] && pytest {folder}")
    return 0


def warn_of_owner(model_type: str) -> None:
    """Tell who provides a model type already: two providers of one conflict."""
    if model_type in registry.model_types():
        note(f"{model_type} is installed already: two providers of one model type conflict")
    elif model_type in hints.catalogue():
        owner = hints.catalogue()[model_type].distribution
        note(
            f"{model_type} belongs to {owner}: two providers of one model type conflict where both "
            "are installed"
        )


def write_files(files: Mapping[str, str], folder: Path) -> list[Path]:
    """Write texts by their paths into ``folder``, which must be new, and return the files."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{shown(str(folder))} exists; name a new folder with --folder")
    written = []
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")
        written.append(target)
    return written
