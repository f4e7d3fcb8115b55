"""Tokenizer and processor classes by the names that checkpoints write down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from automodel_core import registry
from automodel_core.errors import AutomodelError

__all__ = ["class_named", "same_class", "text_entry"]

ENDING = "Fast"


def same_class(one: str, other: str) -> bool:
    """Return whether two class names mean the same, with or without ``Fast`` at the end."""
    return one.removesuffix(ENDING) == other.removesuffix(ENDING)


def class_named(name: str, kind: str, *, plugin: str | None = None) -> Any | None:
    """Return the installed or registered class of a kind with this name, or ``None``.

    Plugins that fail are passed over: they may have nothing to do with the name.
    """
    if plugin is None:
        for registered in registry.registered_components(kind):
            if same_class(registered.__name__, name):
                return registered
    for model_type in registry.model_types():
        try:
            reference = registry.get(model_type, plugin=plugin).component(kind)
        except AutomodelError:
            continue
        if reference is not None and same_class(reference.rpartition(":")[2], name):
            return registry.resolve(reference)
    return None


def text_entry(values: Mapping[str, Any], key: str) -> str | None:
    """Return a value of a checkpoint's file if it is a text that is not empty."""
    value = values.get(key)
    return value if isinstance(value, str) and value else None
