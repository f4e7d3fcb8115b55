"""Which class reads a checkpoint's configuration: that of the model type it names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from automodel_core import registry
from automodel_core.checkpoint.places.config_file import CONFIG_FILE
from automodel_core.errors import (
    ConfigurationError,
    PluginNotInstalledError,
    RemoteCodeRefusedError,
    UnknownModelTypeError,
    shown,
    warn_caller,
)

__all__ = ["config_class_of"]


def config_class_of(
    values: Mapping[str, Any], *, model_type: str | None = None, plugin: str | None = None
) -> Any:
    """Return the config class for the values of a ``config.json``, from ``_name_or_path``.

    ``model_type`` overrules the file. Raises `RemoteCodeRefusedError` where only code in the
    checkpoint could read it, and `UnknownModelTypeError` that says what to install.
    """
    checkpoint = values["_name_or_path"]
    wanted = model_type if model_type is not None else values.get("model_type")
    brings_code = bool(values.get("auto_map"))
    if wanted is None:
        if brings_code:
            raise _refusal(checkpoint, "names no model type")
        wanted = _guess(checkpoint)
    if not isinstance(wanted, str) or not wanted:
        raise ConfigurationError(
            f"{CONFIG_FILE} of {shown(checkpoint)}: model_type is {shown(wanted)}; expected the "
            "name of an architecture, such as model_type= can give"
        )
    try:
        return registry.architectures.config_class(wanted, plugin=plugin, checkpoint=checkpoint)
    except PluginNotInstalledError:
        if plugin is None:  # of a composite, say at once everything that is missing
            registry.architectures.require(wanted, *_types_inside(values), checkpoint=checkpoint)
        raise
    except UnknownModelTypeError as error:
        if brings_code:
            said = f"has model type {shown(wanted)}, which no installed plugin provides"
            raise _refusal(checkpoint, said) from error
        raise


def _types_inside(values: Mapping[str, Any]) -> list[str]:
    """Return the model types of the parts, and of theirs; a part without an own one is left out."""
    from automodel_core.registry import hints

    known = {*registry.model_types(), *hints.catalogue()}
    found = []
    for part in (value for value in values.values() if isinstance(value, Mapping)):
        model_type = part.get("model_type")
        if isinstance(model_type, str) and model_type in known:
            found.append(model_type)
        found += _types_inside(part)
    return found


def _refusal(checkpoint: str, said: str) -> RemoteCodeRefusedError:
    return RemoteCodeRefusedError(
        f"checkpoint {shown(checkpoint)} {said}, and brings code of its own (auto_map in "
        f"{CONFIG_FILE}), which is never run: install a package that provides the architecture, "
        "or, if an installed one fits, name it with model_type= "
        f"({', '.join(registry.model_types()) or 'none is installed'})"
    )


def _guess(checkpoint: str) -> str:
    """Return the longest model type that the name contains, its last part first, and warn."""
    from automodel_core.registry import hints

    known = {*registry.model_types(), *hints.catalogue()}
    for text in (Path(checkpoint).name, checkpoint):
        for model_type in sorted(known, key=lambda known_type: (-len(known_type), known_type)):
            if model_type in text:
                warn_caller(
                    f"{CONFIG_FILE} of {shown(checkpoint)} has no model_type; "
                    f"{shown(model_type)} is taken from the name. To be sure, pass model_type= or "
                    "add the key to the file"
                )
                return model_type
    raise UnknownModelTypeError(
        f"Unrecognized model in {shown(checkpoint)}: {CONFIG_FILE} has no model_type, and the name "
        "contains none; add the key, or pass model_type=, one of: "
        f"{', '.join(sorted(known)) or 'none is installed'}"
    )
