"""Write what repeats in this repository from the one place that states it, or check that it is so.

``nox -s sync`` runs this; ``-- --check`` writes nothing. A plugin's ``pyproject.toml`` states its
name, version, description, keywords, dependencies and entry points. Everything else in it is the
core's (licence, classifiers, addresses...) or the template of ``automodel-core new``. Each plugin
ships the licence, as does that template; its README lists the models of its manifest, the
repository's lists the plugins, and the reference lists the tasks.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from automodel_core.cli.scaffold.pyproject import pyproject
from automodel_core.registry.manifest import Architecture
from automodel_core.registry.task_table import TASK_TABLE
from house.catalogue import architectures_of
from house.toml import read_toml

__all__ = ["expected", "main"]

ROOT = Path(__file__).parents[2]
SHARED = ("readme", "license", "license-files", "requires-python", "classifiers", "urls")
"""The keys of ``[project]`` that plugins have from the core."""
MODELS = re.compile(r"^\| task \| Auto class \|.*?\n(?=\n|\Z)", re.MULTILINE | re.DOTALL)
PLUGINS = re.compile(r"^\| distribution \|.*?\n(?=\n|\Z)", re.MULTILINE | re.DOTALL)
TASKS = re.compile(r"^\| Auto class \| task \|.*?\n(?=\n)", re.MULTILINE | re.DOTALL)


def expected(root: Path) -> Mapping[Path, str]:
    """Return what each file that repeats something should hold."""
    core = read_toml(root / "pyproject.toml")["project"]
    shared = {key: core[key] for key in SHARED if key in core}
    licence = (root / "LICENSE").read_text("utf-8")
    files = {}
    plugins = ["| distribution | model types | what it holds |", "|---|---|---|"]
    for file in sorted(root.glob("plugins/*/pyproject.toml")):
        own = {k: v for k, v in read_toml(file)["project"].items() if k not in SHARED}
        architectures = architectures_of(file)
        if architectures:
            plugins.append(row_of_plugin(own, architectures))
        files[file] = pyproject({**own, **shared}, package=own["name"].replace("-", "_"))
        files[file.with_name("LICENSE")] = licence
        readme = file.with_name("README.md")
        models = table_of_models(architectures)
        files[readme] = MODELS.sub(lambda _, table=models: table, readme.read_text("utf-8"), 1)
    for file in root.glob("automodel_core/cli/scaffold/templates/*/LICENSE"):
        files[file] = licence
    readme = root / "README.md"
    table = "".join(f"{line}\n" for line in plugins)
    files[readme] = PLUGINS.sub(lambda _: table, readme.read_text("utf-8"), count=1)
    reference = root / "docs" / "reference.md"
    text = reference.read_text("utf-8")
    files[reference] = TASKS.sub(lambda _: table_of_tasks(), text, count=1)
    return files


def row_of_plugin(project: Mapping[str, Any], architectures: Sequence[Architecture]) -> str:
    """Return the line of a plugin in the table of all of them."""
    name = project["name"]
    types = ", ".join(f"`{each.model_type}`" for each in architectures)
    holds = project["description"].replace(" for automodel-core", "").rstrip(".")
    holds = re.sub(", and the hub's checkpoints?$", "", holds)
    return f"| [{name}](plugins/{name}/README.md) | {types} | {holds} |"


def table_of_models(architectures: Sequence[Architecture]) -> str:
    """Return a README's table of the classes of all architectures of a plugin, by their tasks."""
    rows: dict[str, list[str]] = {}
    for task in dict.fromkeys(task for each in architectures for task in each.models):
        found = (each.models[task] for each in architectures if task in each.models)
        classes = dict.fromkeys(f"`{reference.rpartition(':')[2]}`" for reference in found)
        rows.setdefault(", ".join(classes), []).append(task)
    auto_classes = {task: f"`{auto_class}`" for task, auto_class, _ in TASK_TABLE}
    lines = ["| task | Auto class | class |", "|---|---|---|"]
    lines += [
        f"| {', '.join(tasks)} | {', '.join(auto_classes[task] for task in tasks)} | {classes} |"
        for classes, tasks in rows.items()
    ]
    return "\n".join(lines) + "\n"


def table_of_tasks() -> str:
    """Return the reference's table of Auto classes."""
    rows = ["| Auto class | task | what the model gives |", "|---|---|---|"]
    rows += [f"| `{auto_class}` | {task} | {gives} |" for task, auto_class, gives in TASK_TABLE]
    return "\n".join(rows) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 if everything is current or was written, 1 if something is not current."""
    parser = argparse.ArgumentParser(prog="nox -s sync --")
    parser.add_argument("--check", action="store_true", help="fail if a file is not current")
    check = parser.parse_args(arguments).check
    stale = [
        (file, text)
        for file, text in expected(ROOT).items()
        if not file.is_file() or file.read_text("utf-8") != text
    ]
    for file, text in stale:
        what = "is not current: run nox -s sync" if check else "written"
        print(f"{file.relative_to(ROOT)} {what}")
        if not check:
            file.write_text(text, "utf-8")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
