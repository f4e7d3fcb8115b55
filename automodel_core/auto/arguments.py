"""Arguments that every Auto class takes, and errors that each raises."""

from __future__ import annotations

from typing import Any

from automodel_core.errors import InputError, shown

__all__ = ["config_keys", "no_direct_construction", "pop_choice"]


CHOICES = {"plugin": "the name of a distribution", "model_type": "a model type"}


def pop_choice(kwargs: dict[str, Any], key: str) -> str | None:
    """Remove and return ``plugin`` or ``model_type``, with which a caller chooses."""
    value = kwargs.pop(key, None)
    if value is not None and not isinstance(value, str):
        raise InputError(f"{key}={shown(value)}: expected {CHOICES[key]}, a string")
    return value


def no_direct_construction(name: str, constructors: tuple[str, ...]) -> OSError:
    """Return the error for calling an Auto class itself."""
    ways = " or ".join(f"`{name}.{constructor}`" for constructor in constructors)
    return OSError(f"{name} chooses a class and has no objects of its own: call {ways}")


def config_keys(config: Any) -> list[str]:
    """Return the names under which a configuration's values can be set."""
    from automodel_core.configuration import PreTrainedConfig

    names = [name for name in vars(config) if not name.startswith("_")]
    if isinstance(config, PreTrainedConfig):
        names += ["num_labels", *config.aliases]
    return names
