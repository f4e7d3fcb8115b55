"""Files of adapters: read under the hub's names or a model's own, written under the hub's."""

from __future__ import annotations

import copy
import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from automodel_core.checkpoint.names.module_paths import ModulePaths
from automodel_core.checkpoint.places.config_file import ADAPTER_FILE
from automodel_core.checkpoint.places.source import CheckpointFiles
from automodel_core.errors import CheckpointNotFoundError, InputError, listed
from automodel_core.modeling.adapters.settings import matching, scaling, settings_of_hub
from automodel_core.modeling.adapters.targets import (
    Adaptable,
    module_paths,
    peft_package,
    without_adapter,
)
from automodel_core.modeling.adapters.weights import PREFIX, Blocks, to_hub, to_modules

__all__ = ["StoredAdapter", "fill", "read", "warn_of_adapter", "write"]

logger = logging.getLogger("automodel_core")

WEIGHTS_FILE = "adapter_model.safetensors"
PICKLED_FILE = "adapter_model.bin"
BLOCKS = "automodel.blocks"
"""Under which key the file of weights notes what `StoredAdapter.blocks` is."""


@dataclass(frozen=True)
class StoredAdapter:
    """An adapter as it lies in files: PEFT's configuration object, and weights by the files' names.

    ``blocks`` are the ranks of parts that `write` has stacked.
    """

    settings: Any
    weights: Mapping[str, Tensor]
    blocks: Blocks = field(default_factory=dict)


def read(files: CheckpointFiles) -> StoredAdapter:
    """Read an adapter; raise `CheckpointNotFoundError` if it is not there."""
    package = peft_package()
    settings = package.PeftConfig.from_pretrained(os.fspath(files.require(ADAPTER_FILE).parent))
    if (path := files.find(WEIGHTS_FILE)) is not None:
        with safe_open(path, "pt") as stored:
            noted = (stored.metadata() or {}).get(BLOCKS)
        return StoredAdapter(settings, load_file(path), json.loads(noted) if noted else {})
    if (path := files.find(PICKLED_FILE)) is not None:
        return StoredAdapter(settings, torch.load(path, map_location="cpu", weights_only=True))
    raise CheckpointNotFoundError(
        f"{files.place} has neither {WEIGHTS_FILE} nor {PICKLED_FILE}; {files.present()}"
    )


def warn_of_adapter(files: CheckpointFiles | None) -> None:
    """Say that an adapter beside a model's own weights is not loaded with them."""
    if files is not None and ADAPTER_FILE in (files.names() or ()):
        logger.warning(
            "%s also holds an adapter, which is not loaded: model.load_adapter(name) does it",
            files.place,
        )


def fill(holder: Any, model: Adaptable, stored: StoredAdapter, adapter_name: str) -> None:
    """Give an adapter that is on a model its weights, by the hub's names or the model's.

    ``holder`` is what PEFT knows the adapter by: its own model around ``model``, or that itself.
    Raises `InputError` if weights are missing or have no place.
    """
    weights = stored.weights
    if not holder.peft_config[adapter_name].is_prompt_learning:
        weights = to_modules(weights, module_paths(model), stored.blocks)
        expected = {_in_file(name) for name in _state(holder, adapter_name)}
        if missing := expected - weights.keys():
            raise InputError(f"the adapter lacks weights: {listed(sorted(missing))}")
        if unknown := weights.keys() - expected:
            raise InputError(
                f"the adapter has weights that its settings do not name: {listed(sorted(unknown))}"
            )
    peft_package().set_peft_model_state_dict(holder, dict(weights), adapter_name=adapter_name)


def write(
    holder: Any,
    model: Adaptable,
    directory: str | os.PathLike[str],
    adapter_name: str,
    state_dict: Mapping[str, Tensor] | None = None,
) -> None:
    """Write an adapter under the hub's names, so that the reference loads it too.

    ``state_dict`` stands in for the holder's own state.
    """
    settings = copy.copy(holder.peft_config[adapter_name])
    state = _state(holder, adapter_name, state_dict)
    metadata = {"format": "pt"}
    if not settings.is_prompt_learning:
        paths = module_paths(model)
        found = to_hub(
            {_in_file(name): tensor.detach() for name, tensor in state.items()},
            paths,
            scaling(settings),
            lambda path: without_adapter(model.get_submodule(path)),
        )
        settings = settings_of_hub(settings, paths, found.ranks, _adapted(state, settings, paths))
        state = found.weights
        if found.blocks:
            metadata[BLOCKS] = json.dumps(found.blocks)
    settings.inference_mode = True
    settings.base_model_name_or_path = settings.base_model_name_or_path or model.name_or_path
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    # A weight may be there under several names, which files cannot share.
    unshared = {name: tensor.detach().clone() for name, tensor in state.items()}
    save_file(unshared, folder / WEIGHTS_FILE, metadata=metadata)
    settings.save_pretrained(os.fspath(folder))


def _state(
    holder: Any, adapter_name: str, whole: Mapping[str, Tensor] | None = None
) -> dict[str, Tensor]:
    state: dict[str, Tensor] = peft_package().get_peft_model_state_dict(
        holder, state_dict=whole, adapter_name=adapter_name
    )
    return state


def _in_file(name: str) -> str:
    return name if name.startswith(PREFIX) else PREFIX + name


def _adapted(state: Mapping[str, Tensor], settings: Any, paths: ModulePaths) -> set[str]:
    """Return the modules that the settings name and that have weights in the adapter."""
    places = (paths.split(name.removeprefix(PREFIX)) for name in state)
    with_weights = {path for place in places if place is not None for path in place[0].modules}
    fields = vars(settings)
    lists = (fields.get(key) for key in ("target_modules", "target_modules_to_tie"))
    named = {module for names in lists if names for module in matching(names, paths)}
    return with_weights & named
