"""Look up architectures: from a model type or a config object to its classes.

Config, models, tokenizer and processors of one model type always come from one provider, the one
that the config's class belongs to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from automodel_core.errors import (
    AutomodelError,
    InputError,
    RegistrationError,
    UnsupportedTaskError,
    shown,
)
from automodel_core.registry import hints
from automodel_core.registry.imports import resolve
from automodel_core.registry.installed.environment import normalised
from automodel_core.registry.installed.metadata import Candidate
from automodel_core.registry.installed.plugins import InstalledPlugins, title
from automodel_core.registry.lookup.in_process import Registrations, class_name
from automodel_core.registry.lookup.named_parts import NamedParts
from automodel_core.registry.lookup.providers import Providers, class_of
from automodel_core.registry.manifest import COMPONENT_KINDS, Architecture, Head, Task

__all__ = ["Architectures"]


class Architectures:
    """The architectures of one scan, and what this process registered.

    ``plugin`` names the distribution to take an answer from, where several have one; ``checkpoint``
    is what an error mentions.
    """

    def __init__(
        self, plugins: InstalledPlugins, registrations: Registrations, parts: NamedParts
    ) -> None:
        self._providers = Providers(plugins, registrations)
        self._registrations = registrations
        self._parts = parts

    # ---- by model type ----

    def model_types(self) -> tuple[str, ...]:
        """Return every model type that can be asked for, sorted, without importing a plugin."""
        return self._providers.model_types()

    def get(
        self, model_type: str, *, plugin: str | None = None, checkpoint: str | None = None
    ) -> Architecture:
        """Return the manifest of a model type, importing the one plugin that provides it."""
        provider = self._providers.of_model_type(model_type, plugin=plugin, checkpoint=checkpoint)
        return self._providers.architecture(provider, model_type)

    def config_class(
        self, model_type: str, *, plugin: str | None = None, checkpoint: str | None = None
    ) -> type[Any]:
        """Return the config class of a model type, one registered in this process first."""
        registered = self._registrations.config(model_type)
        if registered is not None and plugin is None:
            return registered
        provider = self._providers.of_model_type(model_type, plugin=plugin, checkpoint=checkpoint)
        return class_of(self._providers.architecture(provider, model_type).config, provider)

    def require(self, *model_types: str, checkpoint: str | None = None) -> None:
        """Raise one error that names everything to install, if any of the model types is missing.

        If one is installed and cannot be used, its error is raised.
        """
        wanted = [name for name in model_types if self._registrations.config(name) is None]
        absent = list(dict.fromkeys(n for n in wanted if not self._providers.claims(n)))
        if absent:
            raise self._providers.missing(absent, checkpoint)
        for name in wanted:
            self._providers.of_model_type(name, checkpoint=checkpoint)

    def installed_hint(self, model_type: str) -> str:
        """Return one sentence: who provides the model type, and what to do if nobody here does."""
        if self._registrations.config(model_type) is not None:
            return f"model type {shown(model_type)} is registered in this process"
        try:
            provider = self._providers.of_model_type(model_type)
        except AutomodelError as error:
            return str(error)
        return f"model type {shown(model_type)} is provided by {title(provider)}"

    def serving(self, task: str) -> tuple[str, ...]:
        """Return the model types that serve a task, importing every plugin; for messages and lists.

        Plugins that fail are left out.
        """
        found = self._providers.serving(task)
        found |= set(self._registrations.model_types_serving(task))
        heads = self._parts.every(Head).values()
        found |= {head.model_type for head in heads if head.task == task}
        return tuple(sorted(found))

    # ---- by config object ----

    def model_class(self, config: Any, task: str, *, plugin: str | None = None) -> type[Any]:
        """Return the model class for a config object and a task.

        What was registered for the config's class comes first, then the plugin that owns the class,
        then heads that other plugins add to it.
        """
        found, owner = self._model(config, task, plugin)
        return class_of(found, owner) if isinstance(found, str) else found

    def model_reference(self, config: Any, task: str, *, plugin: str | None = None) -> str:
        """Return what `model_class` would, as ``"module:Class"``, without importing it."""
        found, _ = self._model(config, task, plugin)
        return found if isinstance(found, str) else f"{found.__module__}:{found.__qualname__}"

    def serves(self, config: Any, task: str, *, plugin: str | None = None) -> bool:
        """Return whether there is a model for a config object and a task, without importing it."""
        return self._find_model(config, task, plugin) is not None

    def component_class(
        self, config: Any, kind: str, *, plugin: str | None = None
    ) -> type[Any] | None:
        """Return the class of one of `COMPONENT_KINDS`, if any."""
        _check_kind(kind)
        config_class, model_type = _identity(config)
        registered = self._registrations.component(config_class, kind)
        if registered is not None and plugin is None:
            return registered
        owner = self._owner(config_class, model_type, plugin)
        if owner is None:
            return None
        ref = self._providers.architecture(owner, model_type).component(kind)
        return class_of(ref, owner) if ref is not None else None

    def provider(self, config: Any) -> str | None:
        """Return the distribution whose config class this is, or ``None`` if it is no plugin's."""
        if getattr(type(config), "model_type", None) == "":
            return None  # no Auto class finds it: it is loaded by its own class
        owner = self._providers.of_config(*_identity(config))
        return owner.distribution if owner is not None else None

    # ---- registration in this process ----

    def register_config(
        self, model_type: str, config_class: type[Any], *, exist_ok: bool = False
    ) -> None:
        """Register a config class; ``RegistrationError`` if the model type has one."""
        usable = self._providers.usable(model_type)
        if usable and not exist_ok:
            raise RegistrationError(
                f"model type {shown(model_type)} is provided by {title(usable[0])}; "
                "pass exist_ok=True to use the registered class in its place"
            )
        self._registrations.add_config(model_type, config_class, exist_ok=exist_ok)

    def register_model(
        self,
        task: str,
        config_class: type[Any],
        model_class: type[Any],
        *,
        exist_ok: bool = False,
    ) -> None:
        """Register the model class of a config class for a task."""
        auto_class = self._parts.get(Task, task).auto_class_name
        self._registrations.check_model(config_class, model_class)
        if not exist_ok:
            self._check_free(config_class, task, f"{auto_class} finds")
        self._registrations.add_model(task, config_class, model_class, exist_ok=exist_ok)

    def register_component(
        self,
        kind: str,
        config_class: type[Any],
        component_class: type[Any],
        *,
        exist_ok: bool = False,
    ) -> None:
        """Register a tokenizer or processor class of a config class."""
        _check_kind(kind)
        if not exist_ok:
            self._check_free(config_class, kind, "there is")
        self._registrations.add_component(kind, config_class, component_class, exist_ok=exist_ok)

    def registered_components(self, kind: str) -> tuple[type[Any], ...]:
        """Return the tokenizer or processor classes that were registered."""
        _check_kind(kind)
        return self._registrations.components(kind)

    def _check_free(self, config_class: type[Any], what: str, found: str) -> None:
        """Refuse to register over what the plugin of a config class provides."""
        model_type = getattr(config_class, "model_type", None)
        if not isinstance(config_class, type) or not isinstance(model_type, str):
            return  # the registration itself says what is wrong
        owner = self._providers.of_config(config_class, model_type)
        if owner is None:
            return
        architecture = self._providers.architecture(owner, model_type)
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

    def _model(
        self, config: Any, task: str, plugin: str | None
    ) -> tuple[type[Any] | str, Candidate | None]:
        """Return what `_find_model` does, or raise the error that says what serves the task."""
        found = self._find_model(config, task, plugin)
        if found is not None:
            return found
        config_class, model_type = _identity(config)
        owner = self._providers.of_config(config_class, model_type, plugin=plugin)
        provided = sorted(
            {*self._models(owner, model_type), *self._registrations.tasks(config_class)}
        )
        raise UnsupportedTaskError(
            f"Unrecognized configuration class {class_name(config_class)} for "
            f"{self._parts.get(Task, task).auto_class_name}: model type {shown(model_type)} "
            f"provides {', '.join(provided) or 'no task at all'}. {self._alternatives(task)}"
        )

    def _find_model(
        self, config: Any, task: str, plugin: str | None
    ) -> tuple[type[Any] | str, Candidate | None] | None:
        """Return the registered class, or the reference of a plugin's, for a config and a task."""
        self._parts.get(Task, task)
        config_class, model_type = _identity(config)
        registered = self._registrations.model(config_class, task)
        if registered is not None and plugin is None:
            return registered, None
        owner = self._owner(config_class, model_type, plugin)
        models = self._models(owner, model_type)
        # The owner's own model comes first, unless the caller names the plugin of a head.
        names_a_head = plugin is not None and owner is not None and owner.key != normalised(plugin)
        if task in models and not names_a_head:
            return models[task], owner
        head = self._parts.find(Head, f"{model_type}/{task}", plugin=plugin)
        if head is not None:
            return head.model, None
        return (models[task], owner) if task in models else None

    def _models(self, owner: Candidate | None, model_type: str) -> Mapping[str, str]:
        """Return the owner's models by task."""
        return self._providers.architecture(owner, model_type).models if owner is not None else {}

    def _owner(
        self, config_class: type[Any], model_type: str, plugin: str | None
    ) -> Candidate | None:
        """Return the provider that a config class belongs to.

        ``None`` for a class of a model type that no plugin provides; a class of its own under the
        model type of a plugin is an error.
        """
        owner = self._providers.of_config(config_class, model_type, plugin=plugin)
        provider = self._providers.foreign_to(config_class, model_type) if owner is None else None
        if provider is None:
            return owner
        raise UnsupportedTaskError(
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


def _check_kind(kind: str) -> None:
    if kind not in COMPONENT_KINDS:
        raise InputError(f"kind {shown(kind)} is not one of {', '.join(COMPONENT_KINDS)}")
