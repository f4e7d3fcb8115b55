"""Parts of a configuration: which class reads one, and whether its architecture is installed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from automodel_core import registry
from automodel_core.errors import UnknownModelTypeError, shown

__all__ = ["Aliases", "SubConfigs", "require_architectures"]


class Aliases:
    """The attribute ``attribute_map`` of a configuration class: its `aliases`, by another name."""

    def __get__(self, config: Any, config_class: Any) -> Mapping[str, str]:
        aliases: Mapping[str, str] = config_class.aliases
        return aliases


class SubConfigs:
    """The attribute ``sub_configs`` of a configuration class: the class of each part, by its key.

    It is the base class where a part may be of any architecture.
    """

    def __get__(self, config: Any, config_class: Any) -> Mapping[str, type[Any]]:
        fields = config_class._fields().items()
        return {name: field.part for name, field in fields if field.part is not None}


def require_architectures(owner: str, parts: Mapping[str, str], checkpoint: str | None) -> None:
    """Raise one error that says which parts' model types are missing, and how to install all."""
    try:
        registry.architectures.require(*parts.values(), checkpoint=checkpoint)
    except UnknownModelTypeError as error:
        here = registry.model_types()
        listed = " and ".join(
            f"{name} {shown(kind)} ({'installed' if kind in here else 'missing'})"
            for name, kind in parts.items()
        )
        raise type(error)(f"{owner} joins {listed}: {error}") from None
