"""Write ``catalog.json``, from which the core makes install hints, or check that it is current.

``nox -s catalog`` runs this. The source is the plugins' own manifests: each
``plugins/*/pyproject.toml`` names its plugin modules, and those return the architectures. Neither
torch nor an installation of the plugins is needed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from automodel_core.errors import PluginConflictError, RegistrationError, shown
from automodel_core.registry.hints import CATALOGUE_FILE
from automodel_core.registry.imports import import_guarded
from automodel_core.registry.installed.loading import collect
from automodel_core.registry.installed.state import ARCHITECTURES, EXTENSIONS
from automodel_core.registry.manifest import COMPONENT_KINDS, Architecture, CheckpointFormat
from automodel_core.registry.manifest_base import Manifest
from house.toml import read_toml

__all__ = ["architectures_of", "catalogue_of", "main"]

_M = TypeVar("_M", bound=Manifest)


def catalogue_of(plugins: Path) -> dict[str, Any]:
    """Return the catalogue of the plugin projects in a folder, sorted by model type."""
    entries: dict[str, dict[str, Any]] = {}
    formats: dict[str, dict[str, Any]] = {}
    for project in sorted(plugins.glob("*/pyproject.toml")):
        metadata = read_toml(project)["project"]
        distribution = metadata["name"]
        for model_type, architecture in _architectures(project.parent, metadata):
            if model_type in entries:
                raise PluginConflictError(
                    f"model type {shown(model_type)} is claimed by {distribution} and "
                    f"{entries[model_type]['distribution']}; leave it to one of them"
                )
            entries[model_type] = {
                "distribution": distribution,
                "tasks": sorted(architecture.models),
                "components": sorted(
                    reference.rpartition(":")[2]
                    for kind in COMPONENT_KINDS
                    for reference in architecture.components(kind)
                ),
            }
        for form in _declared(project.parent, metadata, EXTENSIONS, CheckpointFormat):
            names = (form.weight_file, form.index_file, form.pattern)
            formats[form.name] = {
                "distribution": distribution,
                "framework": form.framework,
                "files": [name for name in names if name is not None],
            }
    return {
        "architectures": dict(sorted(entries.items())),
        "formats": dict(sorted(formats.items())),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 if the file is current or was written, 1 if it is not current."""
    parser = argparse.ArgumentParser(prog="nox -s catalog --")
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--check", action="store_true", help="fail if the file is not current")
    mode.add_argument("--write", action="store_true", help="write the file")
    parser.add_argument("--plugins", type=Path, default=Path(__file__).parents[2] / "plugins")
    parser.add_argument("--file", type=Path, default=CATALOGUE_FILE)
    chosen = parser.parse_args(arguments)
    if not chosen.plugins.is_dir():
        parser.error(f"{chosen.plugins} is not a folder; run this in the repository")
    text = json.dumps(catalogue_of(chosen.plugins), indent=2) + "\n"
    if chosen.write:
        chosen.file.write_text(text, "utf-8")
    elif not chosen.file.is_file() or chosen.file.read_text("utf-8") != text:
        sys.stderr.write(f"{chosen.file} is not current: run {parser.prog} --write\n")
        return 1
    return 0


def architectures_of(project: Path) -> list[Architecture]:
    """Return what the manifests of a plugin's ``pyproject.toml`` declare, in their order."""
    metadata = read_toml(project)["project"]
    return list(_declared(project.parent, metadata, ARCHITECTURES, Architecture))


def _declared(folder: Path, metadata: dict[str, Any], group: str, kind: type[_M]) -> Iterator[_M]:
    """Yield the manifests of one kind that the modules of an entry-point group declare."""
    modules = dict.fromkeys(metadata.get("entry-points", {}).get(group, {}).values())
    for module in modules:
        yield from _of_module(folder, module, kind)


def _of_module(folder: Path, module: str, kind: type[_M]) -> Iterable[_M]:
    with _importable(folder):
        return collect(import_guarded(module, str(folder))).of(kind)


def _architectures(folder: Path, metadata: dict[str, Any]) -> Iterator[tuple[str, Architecture]]:
    """Yield what each entry point of a plugin project provides, by model type."""
    entry_points = metadata.get("entry-points", {}).get(ARCHITECTURES, {})
    for model_type, module in sorted(entry_points.items()):
        for architecture in _of_module(folder, module, Architecture):
            if model_type in architecture.model_types:
                yield model_type, architecture
                break
        else:
            raise RegistrationError(
                f"{folder}: {module} returns no architecture for the entry point {model_type}"
            )


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Put a project's folder, or its ``src``, first on ``sys.path``."""
    sys.path[:0] = added = [str(folder), str(folder / "src")]
    try:
        yield
    finally:
        for entry in added:
            sys.path.remove(entry)


if __name__ == "__main__":
    sys.exit(main())
