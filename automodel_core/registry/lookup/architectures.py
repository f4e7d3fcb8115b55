"""Look up architectures: from a model type or a config object to its classes.

Config, models, tokenizer and processors of one model type always come from one provider: what a
config's class belongs to decides about everything else.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from automodel_core.errors import (
    AutomodelError,
    InputError,
    PluginBrokenError,
    PluginConflictError,
    PluginNotInstalledError,
    RegistrationError,
    UnknownModelTypeError,
    UnsupportedTaskError,
    shown,
)
from automodel_core.registry import hints
from automodel_core.registry.imports import resolve
from automodel_core.registry.installed.environment import PREFER, normalised
from automodel_core.registry.installed.metadata import Candidate
from automodel_core.registry.installed.plugins import InstalledPlugins, conflict, error_of, title
from automodel_core.registry.lookup.in_process import Registrations, class_name
from automodel_core.registry.lookup.named_parts import NamedParts
from automodel_core.registry.manifest import COMPONENT_KINDS, Architecture

__all__ = ["Architectures"]


class Architectures:
    """The architectures of one scan, and what this process registered."""

    def __init__(
        self,
        plugins: InstalledPlugins,
        registrations: Registrations,
        parts: NamedParts,
    ) -> None:
        self._plugins = plugins
        self._registrations = registrations
        self._parts = parts

    def model_types(self) -> tuple[str, ...]:
        return tuple(sorted({*self._plugins.model_types(), *self._registrations.model_types()}))

    def get(
        self, model_type: str, *, plugin: str | None = None, checkpoint: str | None = None
    ) -> Architecture:
        return self._architecture(self._provider(model_type, plugin, checkpoint), model_type)

    def require(self, model_types: Iterable[str], *, checkpoint: str | None = None) -> None:
        """Raise for model types that nothing provides, all at once, or the first unusable one."""
        wanted = tuple(dict.fromkeys(model_types))
        absent = [
            name
            for name in wanted
            if not self._plugins.claimants(name) and self._registrations.config(name) is None
        ]
        if absent:
            raise self._missing(absent, checkpoint)
        for name in wanted:
            if self._registrations.config(name) is None:
                self._provider(name, None, checkpoint)

    def installed_hint(self, model_type: str) -> str:
        if self._registrations.config(model_type) is not None:
            return f"model type {shown(model_type)} is registered in this process"
        try:
            provider = self._provider(model_type, None, None)
        except AutomodelError as error:
            return str(error)
        return f"model type {shown(model_type)} is provided by {title(provider)}"

    def config_class(
        self, model_type: str, *, plugin: str | None = None, checkpoint: str | None = None
    ) -> type[Any]:
        registered = self._registrations.config(model_type)
        if registered is not None and plugin is None:
            return registered
        provider = self._provider(model_type, plugin, checkpoint)
        return _class(self._architecture(provider, model_type).config, provider)

    def model_class(self, config: Any, task: str, *, plugin: str | None = None) -> type[Any]:
        found, owner = self._model(config, task, plugin)
        return _class(found, owner) if isinstance(found, str) else found

    def model_reference(self, config: Any, task: str, *, plugin: str | None = None) -> str:
        found, _ = self._model(config, task, plugin)
        return found if isinstance(found, str) else f"{found.__module__}:{found.__qualname__}"

    def serves(self, config: Any, task: str, *, plugin: str | None = None) -> bool:
        return self._find_model(config, task, plugin) is not None

    def _model(
        self, config: Any, task: str, plugin: str | None
    ) -> tuple[type[Any] | str, Candidate | None]:
        """Return what `_find_model` does, or raise the error that says what serves the task."""
        found = self._find_model(config, task, plugin)
        if found is not None:
            return found
        known = self._parts.task(task)
        config_class, model_type = _identity(config)
        owner = self._owner(config_class, model_type, plugin)
        models = self._architecture(owner, model_type).models if owner is not None else {}
        provided = sorted({*models, *self._registrations.tasks(config_class)})
        raise UnsupportedTaskError(
            f"Unrecognized configuration class {class_name(config_class)} for {known.auto_class}: "
            f"model type {shown(model_type)} provides {', '.join(provided) or 'no task at all'}. "
            f"{self._alternatives(task)}"
        )

    def _find_model(
        self, config: Any, task: str, plugin: str | None
    ) -> tuple[type[Any] | str, Candidate | None] | None:
        """Return the registered class, or the reference of a plugin's, for a config and a task."""
        self._parts.task(task)
        config_class, model_type = _identity(config)
        registered = self._registrations.model(config_class, task)
        if registered is not None and plugin is None:
            return registered, None
        owner = self._owner(config_class, model_type, plugin)
        if owner is None and self._is_foreign(config_class, model_type):
            raise self._foreign(config_class, model_type)
        models = self._architecture(owner, model_type).models if owner is not None else {}
        # The owner's own model comes first, unless the caller names the plugin of a head.
        names_a_head = plugin is not None and owner is not None and owner.key != normalised(plugin)
        if task in models and not names_a_head:
            return models[task], owner
        head = self._parts.head(model_type, task, plugin)
        if head is not None:
            return head.model, None
        return (models[task], owner) if task in models else None

    def component_class(
        self, config: Any, kind: str, *, plugin: str | None = None
    ) -> type[Any] | None:
        _check_kind(kind)
        config_class, model_type = _identity(config)
        registered = self._registrations.component(config_class, kind)
        if registered is not None and plugin is None:
            return registered
        owner = self._owner(config_class, model_type, plugin)
        if owner is not None:
            ref = self._architecture(owner, model_type).component(kind)
            return _class(ref, owner) if ref is not None else None
        if self._is_foreign(config_class, model_type):
            raise self._foreign(config_class, model_type)
        return None

    def provider(self, config: Any) -> str | None:
        if getattr(type(config), "model_type", None) == "":
            return None  # no Auto class finds it: it is loaded by its own class
        config_class, model_type = _identity(config)
        owner = self._owner(config_class, model_type, None)
        return owner.distribution if owner is not None else None

    def serving(self, task: str) -> tuple[str, ...]:
        """Return the model types that serve a task here; plugins that fail are passed over."""
        found = set(self._registrations.model_types_serving(task))
        found |= {head.model_type for head in self._parts.heads() if head.task == task}
        for model_type in self._plugins.model_types():
            for candidate in self._plugins.usable(model_type):
                try:
                    if task in self._architecture(candidate, model_type).models:
                        found.add(model_type)
                except AutomodelError:
                    continue
        return tuple(sorted(found))

    def register_config(self, model_type: str, config_class: type[Any], *, exist_ok: bool) -> None:
        usable = self._plugins.usable(model_type)
        if usable and not exist_ok:
            raise RegistrationError(
                f"model type {shown(model_type)} is provided by {title(usable[0])}; "
                "pass exist_ok=True to use the registered class in its place"
            )
        self._registrations.add_config(model_type, config_class, exist_ok=exist_ok)

    def registered_components(self, kind: str) -> tuple[type[Any], ...]:
        _check_kind(kind)
        return self._registrations.components(kind)

    def register_model(
        self, task: str, config_class: type[Any], model_class: type[Any], *, exist_ok: bool
    ) -> None:
        auto_class = self._parts.task(task).auto_class
        self._registrations.check_model(config_class, model_class)
        if not exist_ok:
            self._check_free(config_class, task, f"{auto_class} finds")
        self._registrations.add_model(task, config_class, model_class, exist_ok=exist_ok)

    def register_component(
        self, kind: str, config_class: type[Any], component_class: type[Any], *, exist_ok: bool
    ) -> None:
        _check_kind(kind)
        if not exist_ok:
            self._check_free(config_class, kind, "there is")
        self._registrations.add_component(kind, config_class, component_class, exist_ok=exist_ok)

    def _check_free(self, config_class: type[Any], what: str, found: str) -> None:
        """Refuse to register over what the plugin of a config class provides."""
        model_type = getattr(config_class, "model_type", None)
        if not isinstance(config_class, type) or not isinstance(model_type, str):
            return  # the registration itself says what is wrong
        owner = self._owner(config_class, model_type, None)
        if owner is None:
            return
        architecture = self._architecture(owner, model_type)
        exists = (
            architecture.component(what) is not None
            if what in COMPONENT_KINDS
            else what in architecture.models
        )
        if exists and resolve(architecture.config) is config_class:
            raise RegistrationError(
                f"{found} a class of {title(owner)} for {class_name(config_class)} and "
                f"{shown(what)}; pass exist_ok=True to use the registered class in its place"
            )

    def _provider(self, model_type: str, plugin: str | None, checkpoint: str | None) -> Candidate:
        """Choose the one distribution that provides a model type, from metadata alone."""
        claimants = self._plugins.claimants(model_type)
        usable = self._plugins.usable(model_type)
        if not claimants:
            if self._registrations.config(model_type) is not None:
                raise UnknownModelTypeError(
                    f"model type {shown(model_type)} is registered in this process, and no "
                    "installed plugin provides it"
                )
            raise self._missing([model_type], checkpoint)
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
        if len(usable) > 1:
            obstacle = conflict(f"model type {shown(model_type)}", model_type, usable)
            raise PluginConflictError(f"{obstacle.cause}; {obstacle.fix}")
        return usable[0]

    def _missing(self, model_types: list[str], checkpoint: str | None) -> UnknownModelTypeError:
        return hints.missing(
            model_types,
            installed=self.model_types(),
            distributions=self._plugins.distributions(),
            checkpoint=checkpoint,
        )

    def _architecture(self, candidate: Candidate, model_type: str) -> Architecture:
        declared = self._plugins.load(candidate).architectures
        for architecture in declared:
            if model_type in architecture.model_types:
                return architecture
        names = [name for architecture in declared for name in architecture.model_types]
        raise PluginBrokenError(
            f"{title(candidate)} has an entry point for model type {shown(model_type)} and returns "
            f"{', '.join(map(shown, names)) or 'no architecture'}; the two must agree: correct the "
            "plugin, or install it again if it was changed after its installation"
        )

    def _owner(
        self, config_class: type[Any], model_type: str, plugin: str | None
    ) -> Candidate | None:
        """Return the provider whose config class this is, or a base of it; ``None`` for others."""
        if self._registered(config_class, model_type):
            return None
        usable = self._plugins.usable(model_type)
        if plugin is not None or len(usable) == 1 or not usable:
            if not self._plugins.claimants(model_type):
                return None
            usable = (self._provider(model_type, plugin, None),)
        for candidate in usable:
            try:
                owned = _class(self._architecture(candidate, model_type).config, candidate)
            except AutomodelError:
                if len(usable) == 1:
                    raise
                continue
            if issubclass(config_class, owned):
                return candidate
        return None

    def _registered(self, config_class: type[Any], model_type: str) -> bool:
        """Whether this very class was registered for the model type in this process."""
        return self._registrations.config(model_type) is config_class

    def _is_foreign(self, config_class: type[Any], model_type: str) -> bool:
        """Whether a class without an owner uses a model type that belongs to a plugin."""
        claimed = bool(self._plugins.claimants(model_type))
        return claimed and not self._registered(config_class, model_type)

    def _foreign(self, config_class: type[Any], model_type: str) -> UnsupportedTaskError:
        provider = self._plugins.claimants(model_type)[0]
        return UnsupportedTaskError(
            f"Unrecognized configuration class {class_name(config_class)}: its model type "
            f"{shown(model_type)} belongs to {title(provider)}, whose config class is another one; "
            "load the config with AutoConfig, or give the class a model type of its own and "
            "register it"
        )

    def _alternatives(self, task: str) -> str:
        """Say which model types serve a task, here and after an installation."""
        here = self.serving(task)
        catalogue = hints.catalogue()
        elsewhere = sorted(
            {catalogue[name].distribution for name in hints.serving(task) if name not in here}
        )
        said = (
            f"Model type should be one of {', '.join(here)}"
            if here
            else ("No installed plugin serves this task")
        )
        if elsewhere:
            said += f"; others come with: pip install {' '.join(elsewhere)}"
        return said


def _identity(config: Any) -> tuple[type[Any], str]:
    """Return the class and the model type of a config object."""
    config_class = type(config)
    model_type = getattr(config_class, "model_type", None)
    if not isinstance(model_type, str) or not model_type:
        raise InputError(f"a configuration with a model_type is expected, got {shown(config)}")
    return config_class, model_type


def _class(ref: str, owner: Candidate | None) -> type[Any]:
    found = resolve(ref)
    if not isinstance(found, type):
        where = f" of {title(owner)}" if owner is not None else ""
        raise PluginBrokenError(f"reference {shown(ref)}{where} names {shown(found)}, not a class")
    return found


def _check_kind(kind: str) -> None:
    if kind not in COMPONENT_KINDS:
        raise InputError(f"kind {shown(kind)} is not one of {', '.join(COMPONENT_KINDS)}")


def _names(candidates: Iterable[Candidate]) -> str:
    return ", ".join(candidate.distribution or candidate.path for candidate in candidates)
