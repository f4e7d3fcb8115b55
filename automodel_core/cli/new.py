"""``new``: a plugin to begin with, which installs, loads, generates and passes its tests."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from string import Template

from automodel_core import registry
from automodel_core.cli.output import note, print_json
from automodel_core.cli.scaffold import FILES
from automodel_core.errors import InputError, shown

__all__ = ["new", "write_plugin"]

NAME = re.compile(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*")


def new(options: argparse.Namespace) -> int:
    """Write the files of a new plugin into a new folder."""
    if options.name in registry.model_types():
        note(f"{options.name} is installed already: two providers of one model type conflict")
    distribution = f"automodel-{options.name.replace('_', '-')}"
    written = write_plugin(options.name, Path(options.folder or distribution))
    if options.json:
        print_json({"distribution": distribution, "written": [str(path) for path in written]})
        return 0
    for path in written:
        print(path)
    folder = options.folder or distribution
    note(f"now: pip install -e {folder}[testing] && pytest {folder}")
    return 0


def write_plugin(name: str, folder: Path) -> list[Path]:
    """Write a plugin for model type ``name`` and return its files; the folder must be new."""
    if not NAME.fullmatch(name):
        raise InputError(
            f"{shown(name)} cannot be a model type: lower-case letters and digits were expected, "
            "in words joined by '-' or '_', such as my-gpt"
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{shown(str(folder))} exists; name a new folder with --folder")
    words = {
        "model_type": name,
        "distribution": f"automodel-{name.replace('_', '-')}",
        "package": f"automodel_{name.replace('-', '_')}",
        "prefix": "".join(part.capitalize() for part in re.split("[_-]", name)),
        "function": name.replace("-", "_"),
    }
    written = []
    for path, text in FILES.items():
        target = folder / Template(path).substitute(words)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(Template(text).substitute(words), "utf-8")
        written.append(target)
    return written
