"""What is installed, and what provides it: plugins, architectures, tasks and other named parts.

Importing this package reads the entry-point metadata of the installed distributions; a plugin is
imported when one of its names is asked for. The answers are a function of the installed metadata
and the environment variables, so every process, spawned ones included, gives the same.

``architectures``, ``parts`` and ``plugins`` answer for the last scan: after `refresh` ask the
package for them again. They may be used from any thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from automodel_core.exports import lazy_exports
from automodel_core.registry.registry import Registry

if TYPE_CHECKING:
    from automodel_core.registry.manifest import Architecture

__all__, _attribute, __dir__ = lazy_exports(__name__)
__all__ += ["architectures", "get", "model_types", "parts", "plugins", "refresh"]

_registry = Registry.of_this_process()


def get(
    model_type: str, *, plugin: str | None = None, checkpoint: str | None = None
) -> Architecture:
    """Return the manifest of a model type, importing the one plugin that provides it.

    ``plugin`` names the distribution to take it from; ``checkpoint`` is what an error mentions.
    """
    return _registry.architectures.get(model_type, plugin=plugin, checkpoint=checkpoint)


def model_types() -> tuple[str, ...]:
    """Return every model type that can be asked for, sorted, without importing a plugin."""
    return _registry.architectures.model_types()


def refresh() -> None:
    """Read the metadata and the environment again; registrations of this process stay."""
    _registry.refresh()


def __getattr__(name: str) -> Any:
    if name in ("architectures", "parts", "plugins"):
        return getattr(_registry, name)
    if name in _FORMER:
        return _former(name)
    return _attribute(name)


_FORMER = {
    **dict.fromkeys(
        "component_class config_class installed_hint model_class model_reference provider "
        "register_component register_config register_model registered_components require serves "
        "serving".split(),
        "architectures",
    ),
    "task_of_auto_class": "parts",
    **dict.fromkeys(("tasks", "task", "checkpoint_formats", "sources"), ""),
    **dict.fromkeys(("attention_function", "quantizer", "decoding_strategy"), ""),
    **dict.fromkeys(("load_plugins", "notify_before_load", "notify_after_load"), ""),
}
"""Names of functions that are methods now; they go when nothing uses them."""


def _former(name: str) -> Any:
    from functools import partial

    from automodel_core.registry import manifest

    if _FORMER[name]:
        return getattr(getattr(_registry, _FORMER[name]), name)
    parts, plugins = _registry.parts, _registry.plugins
    return {
        "tasks": partial(parts.every, manifest.Task),
        "task": partial(parts.get, manifest.Task),
        "checkpoint_formats": partial(parts.by_priority, manifest.CheckpointFormat),
        "sources": partial(parts.by_priority, manifest.Source),
        "attention_function": partial(parts.function, manifest.AttentionImplementation),
        "quantizer": partial(parts.function, manifest.Quantizer),
        "decoding_strategy": partial(parts.function, manifest.DecodingStrategy),
        "load_plugins": plugins.load_all,
        "notify_before_load": lambda context: plugins.notify(
            "automodel_before_load", context=context
        ),
        "notify_after_load": lambda context, model: plugins.notify(
            "automodel_after_load", context=context, model=model
        ),
    }[name]
