"""From a checkpoint to its configuration: whose it is, and what it says."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from automodel_core import registry
from automodel_core.checkpoint.places.folder import LocalFiles
from automodel_core.checkpoint.places.json_files import read_json
from automodel_core.checkpoint.places.options import HubOptions
from automodel_core.checkpoint.places.source import CheckpointFiles, open_checkpoint
from automodel_core.errors import (
    CheckpointNotFoundError,
    ConfigurationError,
    PluginNotInstalledError,
    RemoteCodeRefusedError,
    UnknownModelTypeError,
    shown,
)

__all__ = ["CONFIG_FILE", "build_config", "config_class_of", "config_values", "read_config"]

CONFIG_FILE = "config.json"
ADAPTER_FILE = "adapter_config.json"


def read_config(
    name: str | os.PathLike[str],
    options: HubOptions,
    kwargs: Mapping[str, Any],
    *,
    model_type: str | None = None,
    plugin: str | None = None,
) -> tuple[Any, dict[str, Any]]:
    """Return the configuration of a folder, hub repository or file, and the unused arguments."""
    if os.path.isfile(name):
        values, files = read_json(name), None
    else:
        files = open_checkpoint(name, options)
        values = config_values(files)
    return build_config(values, name, files, kwargs, model_type=model_type, plugin=plugin)


def config_values(files: CheckpointFiles) -> dict[str, Any]:
    """Return the content of ``config.json``; the error lists what is there instead."""
    path = files.find(CONFIG_FILE)
    if path is None:
        raise CheckpointNotFoundError(
            f"{files.place} has no {CONFIG_FILE}, and without it nobody knows the architecture; "
            f"{files.present()}{_advice(files)}"
        )
    return read_json(path)


def build_config(
    values: Mapping[str, Any],
    name: str | os.PathLike[str],
    files: CheckpointFiles | None,
    kwargs: Mapping[str, Any],
    *,
    model_type: str | None = None,
    plugin: str | None = None,
) -> tuple[Any, dict[str, Any]]:
    """Return the configuration of ``values``, changed by ``kwargs``, and the unused arguments."""
    config_class = config_class_of(values, name, model_type=model_type, plugin=plugin)
    config, unused = config_class.from_dict(
        {**values, "_name_or_path": os.fspath(name)}, return_unused_kwargs=True, **kwargs
    )
    if files is not None and files.commit is not None:
        config._commit_hash = files.commit
    return config, unused


def config_class_of(
    values: Mapping[str, Any],
    name: str | os.PathLike[str],
    *,
    model_type: str | None = None,
    plugin: str | None = None,
) -> Any:
    """Return the config class for the content of a ``config.json``.

    ``model_type`` overrules the file. Raises `RemoteCodeRefusedError` where only code in the
    checkpoint could read it, and `UnknownModelTypeError` that says what to install.
    """
    checkpoint = os.fspath(name)
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
        return registry.config_class(wanted, plugin=plugin, checkpoint=checkpoint)
    except PluginNotInstalledError:
        if plugin is None:  # of a composite, say at once everything that is missing
            registry.require(wanted, *_types_inside(values), checkpoint=checkpoint)
        raise
    except UnknownModelTypeError as error:
        if brings_code:
            said = f"has model type {shown(wanted)}, which no installed plugin provides"
            raise _refusal(checkpoint, said) from error
        raise


def _types_inside(values: Mapping[str, Any]) -> list[str]:
    """Return the model types of the configurations that a composite's holds."""
    parts = (value for value in values.values() if isinstance(value, Mapping))
    types = (part.get("model_type") for part in parts)
    return [model_type for model_type in types if isinstance(model_type, str)]


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
                warnings.warn(
                    f"{CONFIG_FILE} of {shown(checkpoint)} has no model_type; "
                    f"{shown(model_type)} is taken from the name. To be sure, pass model_type= or "
                    "add the key to the file",
                    stacklevel=6,
                )
                return model_type
    raise UnknownModelTypeError(
        f"Unrecognized model in {shown(checkpoint)}: {CONFIG_FILE} has no model_type, and the name "
        "contains none; add the key, or pass model_type=, one of: "
        f"{', '.join(sorted(known)) or 'none is installed'}"
    )


def _advice(files: CheckpointFiles) -> str:
    if ADAPTER_FILE in (files.names() or ()):
        return (
            f". It holds an adapter: load its base model, which {ADAPTER_FILE} names, and put the "
            "adapter on it with its own library"
        )
    if isinstance(files, LocalFiles):
        inside = sorted(path.parent.name for path in files.folder.glob(f"*/{CONFIG_FILE}"))
        if inside:
            return f". There is one in subfolder={shown(inside[0])}"
    return ""
