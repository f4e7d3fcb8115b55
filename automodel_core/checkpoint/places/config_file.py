"""A checkpoint's ``config.json``: what it says, and what is there instead if it is missing."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from automodel_core.checkpoint.places.file_names import NO_GGUF
from automodel_core.checkpoint.places.folder import LocalFiles
from automodel_core.checkpoint.places.json_files import read_json
from automodel_core.checkpoint.places.options import HubOptions
from automodel_core.checkpoint.places.source import CheckpointFiles, open_checkpoint
from automodel_core.errors import CheckpointNotFoundError, located, shown

__all__ = [
    "ADAPTER_FILE",
    "CONFIG_FILE",
    "ClassOf",
    "base_of_adapter",
    "build_config",
    "config_values",
    "read_config",
]

CONFIG_FILE = "config.json"
ADAPTER_FILE = "adapter_config.json"
TRAINER_FILE = "training_args.bin"

ClassOf = Callable[[Mapping[str, Any]], Any]
"""Chooses the config class for the values of a ``config.json``.

``_name_or_path`` among them says where they come from.
"""


def read_config(
    name: str | os.PathLike[str], hub: HubOptions, overrides: Mapping[str, Any], class_of: ClassOf
) -> tuple[Any, dict[str, Any]]:
    """Return the configuration of a folder, hub repository or file, and the unused overrides."""
    if (file := hub.single_file(name)) is not None:
        return build_config(read_json(file), name, None, overrides, class_of)
    files = open_checkpoint(name, hub)
    return build_config(config_values(files), name, files, overrides, class_of)


def config_values(files: CheckpointFiles) -> dict[str, Any]:
    """Return the content of ``config.json``; the error lists what is there instead."""
    path = files.find(CONFIG_FILE)
    if path is None:
        if (former := _former_config(files)) is not None:
            return former
        raise CheckpointNotFoundError(
            f"{files.place} has no {CONFIG_FILE}, and without it nobody knows the architecture; "
            f"{files.present()}{_advice(files)}"
        )
    return read_json(path)


def _former_config(files: CheckpointFiles) -> dict[str, Any] | None:
    """Return what a file says that is named after its model type, as first releases have it."""
    from automodel_core import registry

    names = files.names() or frozenset()
    for model_type in registry.model_types():
        if (name := f"{model_type}_config.json") in names:
            return {"model_type": model_type, **read_json(files.require(name))}
    return None


def build_config(
    values: Mapping[str, Any],
    name: str | os.PathLike[str],
    files: CheckpointFiles | None,
    overrides: Mapping[str, Any],
    class_of: ClassOf,
) -> tuple[Any, dict[str, Any]]:
    """Return the configuration of ``values``, changed by ``overrides``, and the unused ones."""
    values = {**values, "_name_or_path": os.fspath(name)}
    config_class = class_of(values)
    with located(CONFIG_FILE, os.fspath(name)):
        config, unused = config_class.from_dict(values, return_unused_kwargs=True, **overrides)
    if files is not None and files.commit is not None:
        config._commit_hash = files.commit
    return config, unused


def base_of_adapter(files: CheckpointFiles, hub: HubOptions) -> CheckpointFiles | None:
    """Return the checkpoint that an adapter was trained on; ``None`` if the files hold no adapter.

    Raises `CheckpointNotFoundError` if the adapter does not say which it is.
    """
    if files.find(CONFIG_FILE) is not None or (path := files.find(ADAPTER_FILE)) is None:
        return None
    values = read_json(path)
    base = values.get("base_model_name_or_path")
    if not base:
        raise CheckpointNotFoundError(
            f"{files.place} holds an adapter, and its {ADAPTER_FILE} does not name the model that "
            "it was trained on: load that one, then put the adapter on it with "
            f"model.load_adapter({shown(files.name)})"
        )
    return open_checkpoint(base, replace(hub, revision=values.get("revision"), subfolder=""))


def _advice(files: CheckpointFiles) -> str:
    if any(name.endswith(".gguf") for name in files.names() or ()):
        return f". {NO_GGUF}"
    if ADAPTER_FILE in (files.names() or ()):
        return (
            f". It holds an adapter: its {ADAPTER_FILE} names the model whose configuration this "
            "is; AutoModel...from_pretrained loads both"
        )
    if TRAINER_FILE in (files.names() or ()):
        return (
            ". A trainer wrote it that saves the configuration of its own classes alone: give it "
            "automodel_core.integrations.TrainerMixin, and here config="
        )
    if isinstance(files, LocalFiles):
        inside = sorted(path.parent.name for path in files.folder.glob(f"*/{CONFIG_FILE}"))
        if inside:
            return f". There is one in subfolder={shown(inside[0])}"
    return ""
