"""Look up by name what the core and the extensions contribute: tasks, kernels, strategies, ...

A name of the core is found without importing any extension, and an extension replaces it only if
``AUTOMODEL_PREFER`` says so. Between two extensions the same variable decides; without it the name
is an error when it is used.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from automodel_core.errors import (
    GenerationArgumentError,
    InputError,
    PluginBrokenError,
    PluginConflictError,
    PluginNotInstalledError,
    UnsupportedTaskError,
    shown,
)
from automodel_core.registry.imports import describe, resolve
from automodel_core.registry.installed.environment import PREFER, normalised
from automodel_core.registry.installed.loading import Declarations, collect
from automodel_core.registry.installed.metadata import Candidate
from automodel_core.registry.installed.plugins import InstalledPlugins, conflict, title
from automodel_core.registry.manifest import (
    CheckpointFormat,
    Head,
    LoadContext,
    Manifest,
    Source,
    Task,
)

__all__ = ["CORE", "NamedParts"]

CORE = "automodel-core"

_M = TypeVar("_M", bound=Manifest)
_Kind = Callable[[Declarations], tuple[_M, ...]]


class NamedParts:
    """The named parts of one scan."""

    def __init__(self, plugins: InstalledPlugins) -> None:
        self._plugins = plugins

    def tasks(self) -> Mapping[str, Task]:
        return self._every(lambda part: part.tasks)

    def task(self, name: str) -> Task:
        found = self._named(lambda part: part.tasks, name)
        if found is None:
            raise UnsupportedTaskError(
                f"task {shown(name)} is not known; known are {', '.join(sorted(self.tasks()))}"
            )
        return found

    def task_of_auto_class(self, name: str) -> Task | None:
        for task in _of_core().tasks:
            if task.auto_class == name:
                return task
        claims = [
            (candidate, task)
            for candidate, task in self._claims(lambda part: part.tasks)
            if task.auto_class == name
        ]
        return self._chosen(name, claims, None)

    def head(self, model_type: str, task: str, plugin: str | None) -> Head | None:
        return self._named(lambda part: part.heads, f"{model_type}/{task}", plugin)

    def heads(self) -> tuple[Head, ...]:
        return tuple(self._every(lambda part: part.heads).values())

    def attention_function(self, name: str) -> Callable[..., Any]:
        found = self._named(lambda part: part.attention, name)
        if found is None:
            known = ", ".join(sorted(self._every(lambda part: part.attention)))
            raise InputError(
                f"attn_implementation={shown(name)} is not installed; installed are {known}"
            )
        return _function(found.function)

    def quantizer(self, name: str) -> Callable[..., Any]:
        found = self._named(lambda part: part.quantizers, name)
        if found is None:
            known = ", ".join(sorted(self._every(lambda part: part.quantizers)))
            raise InputError(f"weights={shown(name)} is not installed; installed are {known}")
        return _function(found.function)

    def decoding_strategy(self, name: str) -> Callable[..., Any]:
        found = self._named(lambda part: part.decoding_strategies, name)
        if found is None:
            known = ", ".join(sorted(self._every(lambda part: part.decoding_strategies)))
            raise GenerationArgumentError(
                f"decoding strategy {shown(name)} is not installed; installed are {known}"
            )
        return _function(found.function)

    def checkpoint_formats(self) -> tuple[CheckpointFormat, ...]:
        formats = self._every(lambda part: part.checkpoint_formats).values()
        return tuple(sorted(formats, key=lambda item: (-item.priority, item.name)))

    def sources(self) -> tuple[Source, ...]:
        sources = self._every(lambda part: part.sources).values()
        return tuple(sorted(sources, key=lambda item: (-item.priority, item.name)))

    def notify_before_load(self, context: LoadContext) -> None:
        self._notify("automodel_before_load", context=context)

    def notify_after_load(self, context: LoadContext, model: object) -> None:
        self._notify("automodel_after_load", context=context, model=model)

    def _notify(self, hook: str, **arguments: object) -> None:
        for candidate, declared in self._plugins.extensions():
            try:
                getattr(declared.manager.hook, hook)(**arguments)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # noqa: BLE001 - observers cannot disturb
                message = f"{title(candidate)}: {hook} raised {describe(error)}; the load goes on"
                warnings.warn(message, RuntimeWarning, stacklevel=4)

    def _named(self, kind: _Kind[_M], name: str, plugin: str | None = None) -> _M | None:
        """Return the manifest with this label, or ``None``; ``plugin`` settles a conflict first."""
        if self._plugins.choices.prefer.get(name) in (None, CORE):
            for manifest in kind(_of_core()):
                if manifest.label == name:
                    return manifest
        claims = [claim for claim in self._claims(kind) if claim[1].label == name]
        return self._chosen(name, claims, plugin)

    def _chosen(
        self, name: str, claims: list[tuple[Candidate, _M]], plugin: str | None
    ) -> _M | None:
        preferred = self._plugins.choices.prefer.get(name)
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

    def _every(self, kind: _Kind[_M]) -> dict[str, _M]:
        """Return all manifests of a kind by label, those of the core first.

        A label that several distributions claim, with nothing to settle it, is warned about once
        and left out; so is an extension's claim to a name of the core.
        """
        found = {manifest.label: manifest for manifest in kind(_of_core())}
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

    def _claims(self, kind: _Kind[_M]) -> list[tuple[Candidate, _M]]:
        return [
            (candidate, manifest)
            for candidate, declared in self._plugins.extensions()
            for manifest in kind(declared)
        ]


def _function(ref: str) -> Callable[..., Any]:
    found = resolve(ref)
    if not callable(found):
        raise PluginBrokenError(f"reference {shown(ref)} names {shown(found)}, not a function")
    return found


@functools.cache
def _of_core() -> Declarations:
    """Return what the core declares, collected from its own plugin module."""
    from automodel_core.registry import core_plugin

    return collect(core_plugin)
