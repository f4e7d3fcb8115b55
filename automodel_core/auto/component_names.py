"""Tokenizer and processor classes by the names that checkpoints write down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from automodel_core import registry
from automodel_core.errors import AutomodelError, CheckpointFormatError, shown

__all__ = ["class_named", "classes_of_parts", "install_advice", "same_class", "text_entry"]

ENDINGS = ("Fast", "Pil")
"""Suffixes of class names that only say which implementation it is."""


def same_class(one: str, other: str) -> bool:
    """Return whether two class names mean the same, whatever implementation they name."""
    return _plain(one) == _plain(other)


def _plain(name: str) -> str:
    for ending in ENDINGS:
        name = name.removesuffix(ending)
    return name


def class_named(
    name: str, kind: str, *, plugin: str | None = None, model_type: str | None = None
) -> Any | None:
    """Return the registered or installed class of a kind with this name, or ``None``.

    Those of ``plugin`` come first, then those of ``model_type``; what these lack may be another's.
    Plugins that fail are passed over: they may have nothing to do with the name.
    """
    every = registry.model_types()
    if plugin is not None and (found := _provided(name, kind, every, plugin)) is not None:
        return found
    for registered in registry.architectures.registered_components(kind):
        if same_class(registered.__name__, name):
            return registered
    first = () if model_type is None else (model_type,)
    return _provided(name, kind, (*first, *every))


def _provided(
    name: str, kind: str, model_types: Iterable[str], plugin: str | None = None
) -> Any | None:
    """Return the first class of a kind with this name, out of one plugin or out of any."""
    for model_type in model_types:
        try:
            references = registry.get(model_type, plugin=plugin).components(kind)
        except AutomodelError:
            continue
        for reference in references:
            if same_class(reference.rpartition(":")[2], name):
                return registry.resolve(reference)
    return None


def classes_of_parts(config: Any, kind: str) -> dict[str, Any]:
    """Return the classes of a kind that the parts of a configuration have, in their order."""
    from automodel_core.configuration import PreTrainedConfig

    if not isinstance(config, PreTrainedConfig):
        return {}
    found: dict[str, Any] = {}
    for name, part in config.parts().items():
        own = registry.architectures.component_class(part, kind)
        found |= classes_of_parts(part, kind) if own is None else {name: own}
    return found


def install_advice(name: str) -> str:
    """Say what to install for a class of this name, by the catalogue if it knows one."""
    from automodel_core.registry.hints import catalogue

    known = sorted(
        {
            entry.distribution
            for entry in catalogue().values()
            if any(same_class(component, name) for component in entry.components)
        }
    )
    return f"run: pip install {' or '.join(known)}" if known else "install the package that has it"


def text_entry(values: Mapping[str, Any], key: str, where: str) -> str | None:
    """Return the class name that a checkpoint's file has under a key, if it has one.

    Raises `CheckpointFormatError` that begins with ``where`` for what is no text.
    """
    value = values.get(key)
    if value is None or isinstance(value, str):
        return value or None
    raise CheckpointFormatError(f"{where}: {key}={shown(value)}: expected the name of a class")
