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


_ARCHITECTURES = """
    component_class config_class installed_hint model_class model_reference provider
    register_component register_config register_model registered_components require serves serving
""".split()
_FORMER = {
    **{name: f"architectures.{name}(...)" for name in _ARCHITECTURES},
    "attention_function": "parts.function(registry.AttentionImplementation, name)",
    "checkpoint_formats": "parts.by_priority(registry.CheckpointFormat)",
    "decoding_strategy": "parts.function(registry.DecodingStrategy, name)",
    "load_plugins": "plugins.load_all()",
    "notify_after_load": "plugins.notify('automodel_after_load', context=..., model=...)",
    "notify_before_load": "plugins.notify('automodel_before_load', context=...)",
    "quantizer": "parts.function(registry.Quantizer, name)",
    "sources": "parts.by_priority(registry.Source)",
    "task": "parts.get(registry.Task, name)",
    "task_of_auto_class": "parts.task_of_auto_class(name)",
    "tasks": "parts.every(registry.Task)",
}
"""Functions that became methods of the three objects."""


def __getattr__(name: str) -> Any:
    if name in ("architectures", "parts", "plugins"):
        return getattr(_registry, name)
    if name in _FORMER:
        raise AttributeError(f"registry.{name} has gone: call registry.{_FORMER[name]}")
    return _attribute(name)
