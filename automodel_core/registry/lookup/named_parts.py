"""Look up by name what the core and extensions provide beside architectures: tasks, kernels, ...

A name of the core is found without importing any extension, and an extension replaces it only if
``AUTOMODEL_PREFER`` says so. Between two extensions the same variable decides; without it the name
is an error when it is used.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any, TypeVar

from automodel_core.errors import (
    PluginBrokenError,
    PluginConflictError,
    PluginNotInstalledError,
    shown,
)
from automodel_core.registry.imports import resolve
from automodel_core.registry.installed.environment import PREFER, normalised
from automodel_core.registry.installed.loading import Declarations, collect
from automodel_core.registry.installed.metadata import Candidate
from automodel_core.registry.installed.plugins import InstalledPlugins, conflict
from automodel_core.registry.manifest import Task
from automodel_core.registry.manifest_base import (
    Manifest,
    NamedFunction,
    NamedManifest,
    RankedManifest,
)

__all__ = ["CORE", "NamedParts"]

CORE = "automodel-core"

_M = TypeVar("_M", bound=Manifest)
_N = TypeVar("_N", bound=NamedManifest)
_R = TypeVar("_R", bound=RankedManifest)


class NamedParts:
    """The parts of one scan; ``kind`` is the class of their manifests."""

    def __init__(self, plugins: InstalledPlugins) -> None:
        self._plugins = plugins

    def find(self, kind: type[_M], name: str, *, plugin: str | None = None) -> _M | None:
        """Return the manifest that is labelled ``name``, or ``None``.

        ``plugin`` names the distribution to take it from, where several have it.
        """
        return self._found(kind, attrgetter("label"), name, plugin)

    def get(self, kind: type[_N], name: str) -> _N:
        """Return the manifest of this name; the error for an unknown name lists the known ones."""
        found = self.find(kind, name)
        if found is None:
            known = ", ".join(sorted(self.every(kind)))
            raise kind.error(kind.unknown.format(name=shown(name), known=known))
        return found

    def function(self, kind: type[NamedFunction], name: str) -> Callable[..., Any]:
        """Import and return the function of the manifest of this name."""
        reference = self.get(kind, name).function
        found = resolve(reference)
        if not callable(found):
            raise PluginBrokenError(
                f"reference {shown(reference)} names {shown(found)}, not a function"
            )
        return found

    def by_priority(self, kind: type[_R]) -> tuple[_R, ...]:
        """Return all manifests of a kind, the highest priority first."""
        found = self.every(kind).values()
        return tuple(sorted(found, key=lambda manifest: (-manifest.priority, manifest.name)))

    def task_of_auto_class(self, name: str) -> Task | None:
        """Return the task whose Auto class has this name, or ``None``."""
        return self._found(Task, attrgetter("auto_class_name"), name, None)

    def pipelines(self) -> tuple[str, ...]:
        """Return the names of all pipelines, those of the core first."""
        tasks = self.every(Task).values()
        return tuple(dict.fromkeys(name for task in tasks for name in task.pipelines))

    def pipeline(self, name: str) -> tuple[str, tuple[Task, ...]] | None:
        """Return the reference of the pipeline of this name and the tasks it serves, or ``None``.

        A name of the core is the core's. Raises `PluginConflictError` if extensions give one name
        to different classes.
        """
        tasks = [task for task in self.every(Task).values() if name in task.pipelines]
        if not tasks:
            return None
        reference = tasks[0].pipelines[name]
        others = {task.pipelines[name] for task in tasks} - {reference}
        if others and tasks[0] not in _of_core().of(Task):
            raise PluginConflictError(
                f"pipeline {shown(name)} is {reference} in one package and {min(others)} in "
                "another: give pipeline_class= to choose"
            )
        return reference, tuple(task for task in tasks if task.pipelines[name] == reference)

    def every(self, kind: type[_M]) -> Mapping[str, _M]:
        """Return all manifests of a kind by label, those of the core first.

        A label that several distributions claim, with nothing to settle it, is warned about once
        and left out; so is an extension's claim to a name of the core.
        """
        found = {manifest.label: manifest for manifest in _of_core().of(kind)}
        by_label: dict[str, list[tuple[Candidate, _M]]] = {}
        for candidate, manifest in self._claims(kind):
            by_label.setdefault(manifest.label, []).append((candidate, manifest))
        for label, claims in sorted(by_label.items()):
            names = ", ".join(candidate.distribution for candidate, _ in claims)
            preferred = self._plugins.choices.prefer.get(label)
            chosen = [manifest for candidate, manifest in claims if candidate.key == preferred]
            if chosen or (len(claims) == 1 and label not in found):
                found[label] = chosen[0] if chosen else claims[0][1]
            elif label not in found:
                obstacle = conflict(shown(label), label, [candidate for candidate, _ in claims])
                self._plugins.warn_once((label, names), f"{obstacle.cause}; {obstacle.fix}")
            elif preferred != CORE:
                self._plugins.warn_once(
                    (label, names),
                    f"{shown(label)} belongs to {CORE}; that of {names} is left out. To use it, "
                    f"set {PREFER}={label}={claims[0][0].distribution}",
                )
        return found

    def _found(
        self, kind: type[_M], key: Callable[[_M], str], name: str, plugin: str | None
    ) -> _M | None:
        """Return the one manifest whose ``key`` is ``name``, or ``None``."""
        preferred = self._plugins.choices.prefer.get(name)
        if preferred in (None, CORE):
            for manifest in _of_core().of(kind):
                if key(manifest) == name:
                    return manifest
        claims = [claim for claim in self._claims(kind) if key(claim[1]) == name]
        for wanted in (normalised(plugin) if plugin is not None else None, preferred):
            for candidate, manifest in claims:
                if candidate.key == wanted:
                    return manifest
        if preferred not in (None, CORE):
            raise PluginNotInstalledError(
                f"{PREFER} asks for {shown(name)} from {preferred}, which does not provide it or "
                f"is not installed; correct the variable, or run: pip install {preferred}"
            )
        if len(claims) > 1:
            rivals = [candidate for candidate, _ in claims]
            obstacle = conflict(shown(name), name, rivals)
            raise PluginConflictError(f"{obstacle.cause}; {obstacle.fix}")
        return claims[0][1] if claims else None

    def _claims(self, kind: type[_M]) -> list[tuple[Candidate, _M]]:
        return [
            (candidate, manifest)
            for candidate, declared in self._plugins.extensions()
            for manifest in declared.of(kind)
        ]


@functools.cache
def _of_core() -> Declarations:
    """Return what the core declares, collected from its own plugin module."""
    from automodel_core.registry import core_plugin

    return collect(core_plugin)
