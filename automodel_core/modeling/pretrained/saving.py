"""From a model to files that it, and the reference, can load again."""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypedDict

from torch import Tensor

from automodel_core import registry
from automodel_core.checkpoint.loading.shards import whole
from automodel_core.checkpoint.places.exchange import exchange_files
from automodel_core.checkpoint.places.hub.model_card import CardFacts, installed_versions
from automodel_core.checkpoint.places.hub.push import PushOptions, push_files, source_on_hub
from automodel_core.checkpoint.save import WeightsToSave
from automodel_core.errors import AutomodelError, InputError, listed
from automodel_core.layers.positions.absolute import SinusoidalPositions
from automodel_core.modeling.adapters.files import write
from automodel_core.modeling.adapters.methods import AdapterMethods
from automodel_core.modeling.adapters.targets import refuse_adapters
from automodel_core.modeling.devices.offloading import whole_state
from automodel_core.modeling.devices.processes import (
    class_of,
    first_process_alone,
    is_shared_out,
)
from automodel_core.modeling.pretrained.given_state import state_to_save
from automodel_core.modeling.pretrained.quantise import refuse_quantised
from automodel_core.modeling.pretrained.weighted import WeightedModel
from automodel_core.registry import CheckpointFormat

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Savable", "push_model", "save_pretrained", "tied_on_hub"]

CONFIG_FILE = "config.json"
GENERATION_CONFIG_FILE = "generation_config.json"


class Division(TypedDict):
    """Into which files weights are written."""

    max_shard_size: int | str
    form: CheckpointFormat
    variant: str | None


class Savable(Protocol):
    """A tokenizer or a processor."""

    def save_pretrained(self, save_directory: Path) -> object: ...


def save_pretrained(
    model: WeightedModel,
    directory: str | os.PathLike[str],
    *,
    is_main_process: bool = True,
    state_dict: Mapping[str, Tensor] | None,
    tokenizer: Savable | None,
    **division: Unpack[Division],
) -> list[str]:
    """Do what `PreTrainedModel.save_pretrained` says, and return the names of the files.

    Whatever cannot be written is found before the first file is; all files are exchanged at once.
    """
    shared_out = is_shared_out(model)
    if not is_main_process and not shared_out:
        return []
    if isinstance(model, AdapterMethods) and model.peft_settings():
        return _save_adapter(model, directory, state_dict, tokenizer)
    refuse_quantised(model, "saving")
    refuse_adapters(model, "saving")
    if state_dict is None:
        state = whole_state(model)
    else:
        state = {name: whole(t) for name, t in state_to_save(model, state_dict).items()}
    with first_process_alone(shared_out) as writes:
        return _write(model, state, Path(directory), tokenizer, division) if writes else []


def _write(
    model: WeightedModel,
    state: Mapping[str, Tensor],
    directory: Path,
    tokenizer: Savable | None,
    division: Division,
) -> list[str]:
    names = model.own_names()
    config = copy.deepcopy(model.config)
    config.architectures = [class_of(model).__name__]
    for each in (config, *config.all_parts()):
        each.dtype = model.dtype
    texts = {CONFIG_FILE: config.file_content()}
    if model.generation_config is not None:
        from automodel_core.generation.settings.of_model import changed_settings

        generation_config = copy.deepcopy(model.generation_config)
        generation_config.update(allow_custom_entries=True, **changed_settings(model))
        texts[GENERATION_CONFIG_FILE] = generation_config.file_content()
    weights = WeightsToSave(
        names.hub_state_dict(_without_computed(model, state)),
        **division,
        metadata=installed_versions(registry.architectures.provider(model.config)),
        tied=tied_on_hub(model),
    )
    with exchange_files(directory) as exchange:
        for name, text in texts.items():
            exchange.write(name, text)
        weights.write(exchange)
        if tokenizer is not None:
            tokenizer.save_pretrained(exchange.staging)
        return exchange.new_names()


def _without_computed(model: WeightedModel, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a state without the tables that every reader of such a model computes."""
    if model.saves_computed:
        return dict(state)
    tables = {
        f"{path}.weight": module
        for path, module in model.named_modules()
        if isinstance(module, SinusoidalPositions)
    }
    return {
        name: tensor
        for name, tensor in state.items()
        if name not in tables or not tables[name].are_computed(tensor)
    }


def _save_adapter(
    model: AdapterMethods,
    directory: str | os.PathLike[str],
    state_dict: Mapping[str, Tensor] | None,
    tokenizer: Savable | None,
) -> list[str]:
    """Write the active adapter of a model, under the hub's names."""
    name, *others = model.active_adapters()
    if others:
        raise InputError(
            f"the adapters {listed([name, *others])} are active, and one can be saved: choose it "
            "with model.set_adapter(name)"
        )
    with exchange_files(directory) as exchange:
        write(model, model, exchange.staging, name, state_dict)
        if tokenizer is not None:
            tokenizer.save_pretrained(exchange.staging)
        return exchange.new_names()


def tied_on_hub(model: WeightedModel) -> dict[str, str]:
    """Return the hub names of weights that need no place in a file, and of those they share.

    Readers tie by the configuration; without its word they need both.
    """
    names = model.own_names()
    ties = model.ties_in_force().items()
    return names.aliases | {names.to_hub(a).name: names.to_hub(b).name for a, b in ties}


def push_model(
    model: WeightedModel,
    files: Mapping[str, Path | bytes],
    repo_id: str,
    options: PushOptions,
    replaces: re.Pattern[str],
) -> str:
    """Upload what was saved of a model; see `push_files`."""
    config = model.config
    facts = CardFacts(
        kind="model",
        class_name=class_of(model).__name__,
        loader=_auto_class(model) or class_of(model).__name__,
        distribution=registry.architectures.provider(config),
        model_type=config.model_type,
        base_model=source_on_hub(config._name_or_path),
    )
    given = options.get("tags") or []
    tags = [given] if isinstance(given, str) else given
    options = {**options, "tags": [*tags, *(model.model_tags or ())]}
    return push_files(files, repo_id, facts, options, replaces)


def _auto_class(model: WeightedModel) -> str | None:
    """Return the Auto class that finds a model's class; that of its more specific task of several.

    ``None`` if there is none, because no plugin provides the class.
    """
    try:
        models = registry.get(model.config.model_type).models
    except AutomodelError:
        return None
    served = [
        task
        for task, reference in models.items()
        if reference.rpartition(":")[2] == class_of(model).__name__
    ]
    if not served:
        return None
    specific = [task for task in served if task != "pretraining"]
    return registry.parts.get(registry.Task, (specific or served)[0]).auto_class_name
