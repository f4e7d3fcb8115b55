"""What is installed, and what provides it: plugins, architectures, tasks and other named parts.

Importing this package reads the entry-point metadata of the installed distributions; a plugin is
imported when one of its names is asked for. The answers are a function of the installed metadata
and the environment variables, so every process, spawned ones included, gives the same.
All functions may be called from any thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from automodel_core.exports import lazy_exports
from automodel_core.registry.registry import Registry

if TYPE_CHECKING:
    from automodel_core.registry.imports import resolve as resolve
    from automodel_core.registry.installed.state import (
        PluginRecord as PluginRecord,
        PluginState as PluginState,
    )
    from automodel_core.registry.manifest import (
        PLUGIN_API as PLUGIN_API,
        Architecture as Architecture,
        AttentionImplementation as AttentionImplementation,
        CheckpointFormat as CheckpointFormat,
        DecodingStrategy as DecodingStrategy,
        Head as Head,
        LoadContext as LoadContext,
        Quantizer as Quantizer,
        Source as Source,
        Task as Task,
    )

__all__, __getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "manifest": (
            "PLUGIN_API",
            "Architecture",
            "AttentionImplementation",
            "CheckpointFormat",
            "DecodingStrategy",
            "Head",
            "LoadContext",
            "Quantizer",
            "Source",
            "Task",
        ),
        "installed.state": ("PluginRecord", "PluginState"),
        "imports": ("resolve",),
    },
)
__all__ += [
    "attention_function",
    "checkpoint_formats",
    "component_class",
    "config_class",
    "decoding_strategy",
    "get",
    "installed_hint",
    "load_plugins",
    "model_class",
    "model_reference",
    "model_types",
    "notify_after_load",
    "notify_before_load",
    "plugins",
    "provider",
    "quantizer",
    "refresh",
    "register_component",
    "register_config",
    "register_model",
    "registered_components",
    "require",
    "serves",
    "serving",
    "sources",
    "task",
    "task_of_auto_class",
    "tasks",
]

_registry = Registry.of_this_process()


def get(
    model_type: str, *, plugin: str | None = None, checkpoint: str | None = None
) -> Architecture:
    """Return the architecture of a model type, importing the one plugin that provides it.

    ``plugin`` names the distribution to take it from; ``checkpoint`` is what an error mentions.
    """
    return _registry.architectures.get(model_type, plugin=plugin, checkpoint=checkpoint)


def model_types() -> tuple[str, ...]:
    """Return every model type that can be asked for, sorted, without importing a plugin."""
    return _registry.architectures.model_types()


def plugins() -> tuple[PluginRecord, ...]:
    """Return the state of every installed plugin, without importing any."""
    return _registry.plugins.records()


def load_plugins() -> tuple[PluginRecord, ...]:
    """Import every plugin, each guarded, and return the states; for ``doctor``."""
    _registry.plugins.load_all()
    return _registry.plugins.records()


def require(*model_types: str, checkpoint: str | None = None) -> None:
    """Raise one error that names everything to install, if any of the model types is missing."""
    _registry.architectures.require(model_types, checkpoint=checkpoint)


def installed_hint(model_type: str) -> str:
    """Return one sentence: who provides the model type, and what to do if nobody here does."""
    return _registry.architectures.installed_hint(model_type)


def config_class(
    model_type: str, *, plugin: str | None = None, checkpoint: str | None = None
) -> type[Any]:
    """Return the config class of a model type, one registered in this process first."""
    return _registry.architectures.config_class(model_type, plugin=plugin, checkpoint=checkpoint)


def model_class(config: Any, task: str, *, plugin: str | None = None) -> type[Any]:
    """Return the model class for a config object and a task.

    What was registered for the config's class comes first, then the plugin that owns the class,
    then heads that other plugins add to it.
    """
    return _registry.architectures.model_class(config, task, plugin=plugin)


def serves(config: Any, task: str, *, plugin: str | None = None) -> bool:
    """Return whether there is a model for a config object and a task, without importing it."""
    return _registry.architectures.serves(config, task, plugin=plugin)


def model_reference(config: Any, task: str, *, plugin: str | None = None) -> str:
    """Return what `model_class` would, as ``"module:Class"``, without importing it."""
    return _registry.architectures.model_reference(config, task, plugin=plugin)


def component_class(config: Any, kind: str, *, plugin: str | None = None) -> type[Any] | None:
    """Return the tokenizer, image_processor, feature_extractor or processor class, if any."""
    return _registry.architectures.component_class(config, kind, plugin=plugin)


def provider(config: Any) -> str | None:
    """Return the distribution whose config class this is, or ``None`` if it is not a plugin's."""
    return _registry.architectures.provider(config)


def serving(task: str) -> tuple[str, ...]:
    """Return the model types that serve a task, importing every plugin; for messages and lists."""
    return _registry.architectures.serving(task)


def register_config(model_type: str, config_class: type[Any], *, exist_ok: bool = False) -> None:
    """Register a config class in this process; ``RegistrationError`` if something is there."""
    _registry.architectures.register_config(model_type, config_class, exist_ok=exist_ok)


def register_model(
    task: str, config_class: type[Any], model_class: type[Any], *, exist_ok: bool = False
) -> None:
    """Register the model class of a config class for a task in this process."""
    _registry.architectures.register_model(task, config_class, model_class, exist_ok=exist_ok)


def register_component(
    kind: str, config_class: type[Any], component_class: type[Any], *, exist_ok: bool = False
) -> None:
    """Register a tokenizer or processor class of a config class in this process."""
    _registry.architectures.register_component(
        kind, config_class, component_class, exist_ok=exist_ok
    )


def registered_components(kind: str) -> tuple[type[Any], ...]:
    """Return the tokenizer or processor classes that were registered in this process."""
    return _registry.architectures.registered_components(kind)


def tasks() -> Mapping[str, Task]:
    """Return every task by name, those of installed extensions included."""
    return _registry.parts.tasks()


def task(name: str) -> Task:
    """Return one task by name."""
    return _registry.parts.task(name)


def task_of_auto_class(name: str) -> Task | None:
    """Return the task whose Auto class has this name, or ``None``."""
    return _registry.parts.task_of_auto_class(name)


def attention_function(name: str) -> Callable[..., Any]:
    """Return an attention kernel by name."""
    return _registry.parts.attention_function(name)


def quantizer(name: str) -> Callable[..., Any]:
    """Return a function that gives a model weights of fewer bits, by name."""
    return _registry.parts.quantizer(name)


def decoding_strategy(name: str) -> Callable[..., Any]:
    """Return a decoding strategy by name."""
    return _registry.parts.decoding_strategy(name)


def checkpoint_formats() -> tuple[CheckpointFormat, ...]:
    """Return the formats of weight files, highest priority first."""
    return _registry.parts.checkpoint_formats()


def sources() -> tuple[Source, ...]:
    """Return the places that checkpoints come from, highest priority first."""
    return _registry.parts.sources()


def notify_before_load(context: LoadContext) -> None:
    """Tell the observers that a model is about to be loaded."""
    _registry.parts.notify_before_load(context)


def notify_after_load(context: LoadContext, model: object) -> None:
    """Tell the observers that a model was loaded."""
    _registry.parts.notify_after_load(context, model)


def refresh() -> None:
    """Read the metadata and the environment again; registrations of this process stay."""
    _registry.refresh()
