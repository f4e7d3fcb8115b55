"""Choose the distribution that provides a model type, or that a config class belongs to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from automodel_core.errors import (
    AutomodelError,
    PluginBrokenError,
    PluginConflictError,
    PluginNotInstalledError,
    UnknownModelTypeError,
    shown,
)
from automodel_core.registry import hints
from automodel_core.registry.imports import resolve
from automodel_core.registry.installed.environment import PREFER, normalised
from automodel_core.registry.installed.metadata import Candidate
from automodel_core.registry.installed.plugins import InstalledPlugins, conflict, error_of, title
from automodel_core.registry.lookup.in_process import Registrations
from automodel_core.registry.manifest import Architecture

__all__ = ["Providers", "class_of"]


class Providers:
    """The distributions that provide architectures, beside what is registered in the process."""

    def __init__(self, plugins: InstalledPlugins, registrations: Registrations) -> None:
        self._plugins = plugins
        self._registrations = registrations

    def model_types(self) -> tuple[str, ...]:
        """Return every model type that can be asked for, sorted."""
        return tuple(sorted({*self._plugins.model_types(), *self._registrations.model_types()}))

    def claims(self, model_type: str) -> bool:
        """Whether a distribution names the model type, even one that cannot be used."""
        return bool(self._plugins.claimants(model_type))

    def usable(self, model_type: str) -> tuple[Candidate, ...]:
        """Return the distributions that name the model type and can be imported as far as known."""
        return self._plugins.usable(model_type)

    def of_model_type(
        self, model_type: str, *, plugin: str | None = None, checkpoint: str | None = None
    ) -> Candidate:
        """Choose the one distribution that provides a model type, from metadata alone."""
        claimants = self._plugins.claimants(model_type)
        usable = self._plugins.usable(model_type)
        if not claimants:
            if self._registrations.config(model_type) is not None:
                raise UnknownModelTypeError(
                    f"model type {shown(model_type)} is registered in this process, and no "
                    "installed plugin provides it"
                )
            raise self.missing([model_type], checkpoint)
        if plugin is not None:
            key = normalised(plugin)
            for candidate in claimants:
                if candidate.key == key:
                    if candidate.obstacle is not None:
                        raise error_of(candidate, candidate.obstacle)
                    return candidate
            # A plugin that adds a head to this model type does not provide the model type.
            if not self._plugins.holds_extension(plugin):
                raise PluginNotInstalledError(
                    f"plugin={shown(plugin)} does not provide model type {shown(model_type)}, or "
                    f"is not installed; provided by {_names(claimants)}"
                )
        if not usable:
            obstacle = claimants[0].obstacle
            raise (
                error_of(claimants[0], obstacle)
                if obstacle is not None
                else PluginBrokenError(f"{title(claimants[0])} cannot be used")
            )
        preferred = self._plugins.choices.prefer.get(model_type)
        if preferred is not None:
            for candidate in usable:
                if candidate.key == preferred:
                    return candidate
            raise PluginNotInstalledError(
                f"{PREFER} asks for model type {shown(model_type)} from {preferred}, which does "
                f"not provide it or is not installed; provided by {_names(usable)}; correct the "
                f"variable, or run: pip install {preferred}"
            )
        if len(usable) == 1:
            return usable[0]
        obstacle = conflict(f"model type {shown(model_type)}", model_type, usable)
        raise PluginConflictError(f"{obstacle.cause}; {obstacle.fix}")

    def of_config(
        self, config_class: type[Any], model_type: str, *, plugin: str | None = None
    ) -> Candidate | None:
        """Return the provider whose config class this is, or a base of it; ``None`` for others."""
        if self._registrations.config(model_type) is config_class:
            return None
        usable = self._plugins.usable(model_type)
        if plugin is not None or len(usable) == 1 or not usable:
            if not self._plugins.claimants(model_type):
                return None
            usable = (self.of_model_type(model_type, plugin=plugin),)
        for candidate in usable:
            try:
                owned = class_of(self.architecture(candidate, model_type).config, candidate)
            except AutomodelError:
                if len(usable) == 1:
                    raise
                continue
            if issubclass(config_class, owned):
                return candidate
        return None

    def foreign_to(self, config_class: type[Any], model_type: str) -> Candidate | None:
        """Return the provider of the model type of a config class that belongs to nobody.

        ``None`` if no plugin names the model type, or if this very class is registered for it.
        """
        if self._registrations.config(model_type) is config_class:
            return None
        return next(iter(self._plugins.claimants(model_type)), None)

    def architecture(self, candidate: Candidate, model_type: str) -> Architecture:
        """Import a provider and return its manifest for a model type."""
        declared = self._plugins.load(candidate).of(Architecture)
        return next(found for found in declared if model_type in found.model_types)

    def serving(self, task: str) -> set[str]:
        """Return the model types that a plugin serves a task of; those that fail are left out."""
        found = set()
        for model_type in self._plugins.model_types():
            for candidate in self._plugins.usable(model_type):
                try:
                    if task in self.architecture(candidate, model_type).models:
                        found.add(model_type)
                except AutomodelError:
                    continue
        return found

    def missing(self, model_types: list[str], checkpoint: str | None) -> UnknownModelTypeError:
        """Return the error for model types that nothing provides."""
        return hints.missing(
            model_types,
            installed=self.model_types(),
            distributions=self._plugins.distributions(),
            checkpoint=checkpoint,
        )


def class_of(ref: str, owner: Candidate | None) -> type[Any]:
    """Import and return the class of a reference in the manifest of ``owner``."""
    found = resolve(ref)
    if not isinstance(found, type):
        where = f" of {title(owner)}" if owner is not None else ""
        raise PluginBrokenError(f"reference {shown(ref)}{where} names {shown(found)}, not a class")
    return found


def _names(candidates: Iterable[Candidate]) -> str:
    return ", ".join(candidate.distribution or candidate.path for candidate in candidates)
