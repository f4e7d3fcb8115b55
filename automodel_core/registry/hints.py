"""Say who provides what is not installed, from the catalogue that ships with the core.

``nox -s catalog`` writes ``catalog.json`` from the manifests of the plugins in this repository. A
distribution is named only if it is listed there: a name is never made up from a model type.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from automodel_core.errors import (
    PluginNotInstalledError,
    UnknownModelTypeError,
    did_you_mean,
    shown,
)

__all__ = [
    "CATALOGUE_FILE",
    "Known",
    "KnownFormat",
    "catalogue",
    "formats",
    "missing",
    "reader_of",
    "serving",
]

CATALOGUE_FILE = Path(__file__).with_name("catalog.json")


@dataclass(frozen=True, slots=True)
class Known:
    """What the catalogue says about a model type."""

    distribution: str
    tasks: tuple[str, ...]
    components: tuple[str, ...] = ()
    """The classes of its tokenizers and processors, which checkpoints name."""


@dataclass(frozen=True, slots=True)
class KnownFormat:
    """What the catalogue says about a format of weight files; ``files`` are names, or forms."""

    distribution: str
    framework: str
    files: tuple[str, ...]


@functools.cache
def catalogue() -> Mapping[str, Known]:
    """Return the catalogue: model type -> distribution, tasks and components."""
    architectures = json.loads(CATALOGUE_FILE.read_text("utf-8"))["architectures"]
    return {
        model_type: Known(entry["distribution"], tuple(entry["tasks"]), tuple(entry["components"]))
        for model_type, entry in architectures.items()
    }


@functools.cache
def formats() -> tuple[KnownFormat, ...]:
    """Return the formats of weight files that distributions of the catalogue read."""
    return tuple(
        KnownFormat(entry["distribution"], entry["framework"], tuple(entry["files"]))
        for entry in json.loads(CATALOGUE_FILE.read_text("utf-8"))["formats"].values()
    )


def reader_of(framework: str) -> KnownFormat | None:
    """Return a format of the catalogue that reads the weights of another framework."""
    return next((known for known in formats() if known.framework == framework), None)


def serving(task: str) -> tuple[str, ...]:
    """Return the model types of the catalogue that serve a task."""
    return tuple(name for name, known in catalogue().items() if task in known.tasks)


def missing(
    model_types: Sequence[str],
    *,
    installed: Iterable[str],
    distributions: Collection[str],
    checkpoint: str | None = None,
) -> UnknownModelTypeError:
    """Return the error for model types that nothing installed provides.

    One line installs them all; model types that the catalogue does not know come with the close
    matches among those that it knows and the ``installed`` ones. ``distributions`` are installed
    too, perhaps in a version that does not have the model type yet.
    """
    known = catalogue()
    where = f"checkpoint {shown(checkpoint)} has " if checkpoint is not None else ""
    available = sorted(installed)
    unknown = [name for name in model_types if name not in known]
    found = [name for name in model_types if name in known]
    said = []
    for name in found:
        said.append(
            f"{where}model type {shown(name)}, provided by {known[name].distribution}, "
            + (
                "of which an older version is installed"
                if known[name].distribution in distributions
                else "which is not installed"
            )
        )
    for name in unknown:
        said.append(
            f"{where}model type {shown(name)}, which no installed plugin provides"
            f"{did_you_mean(name, [*available, *known], limit=3)}"
        )
    if found:
        wanted = sorted({known[name].distribution for name in found})
        upgrade = "-U " if any(name in distributions for name in wanted) else ""
        said.append(f"run: pip install {upgrade}{' '.join(wanted)}")
    if unknown:
        said.append(
            "installed are: " + (", ".join(available) if available else "no plugins at all")
        )
        said.append(
            "a plugin for it may exist on your package index; its README names the distribution"
        )
        return UnknownModelTypeError("; ".join(said))
    return PluginNotInstalledError("; ".join(said))
