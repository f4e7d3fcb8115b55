"""What PEFT offers, for models whose modules have other names than on the hub."""

from __future__ import annotations

import os
from typing import Any

from automodel_core.checkpoint.names.module_paths import short_names
from automodel_core.checkpoint.places.options import HubOptions
from automodel_core.checkpoint.places.source import open_checkpoint
from automodel_core.errors import InputError, listed, shown
from automodel_core.modeling import PreTrainedModel
from automodel_core.modeling.adapters.files import fill, read, write
from automodel_core.modeling.adapters.merging import merge_adapters
from automodel_core.modeling.adapters.settings import matching
from automodel_core.modeling.adapters.targets import (
    module_paths,
    own_settings,
    peft_package,
)

__all__ = ["get_peft_model", "load_adapter", "merge", "save_adapter", "targets"]


def targets(model: PreTrainedModel, *names: str) -> list[str]:
    """Return the model's own names of modules, for ``target_modules`` of PEFT's configurations.

    ``names`` are the hub's (``query``, ``c_attn``) or the model's. Raises `InputError` for one that
    neither knows.
    """
    paths = module_paths(model)
    found: set[str] = set()
    for name in names:
        named = matching([name], paths)
        if not named:
            raise InputError(f"no module of {type(model).__name__} is called {shown(name)}")
        found |= named
    return short_names(found, paths.modules())


def get_peft_model(model: PreTrainedModel, peft_config: Any, *args: Any, **kwargs: Any) -> Any:
    """Return what ``peft.get_peft_model`` returns, for targets by the hub's names or the model's.

    Without targets they are the architecture's usual ones; ``"all-linear"`` leaves out the output
    layer. Other arguments are PEFT's. The configuration stays as it is: the model has a copy.
    """
    settings = own_settings(model, peft_config)
    settings.base_model_name_or_path = model.name_or_path or None
    return peft_package().get_peft_model(model, settings, *args, **kwargs)


def load_adapter(
    model: Any,
    name: str | os.PathLike[str],
    adapter_name: str = "default",
    *,
    is_trainable: bool = False,
    **hub: Any,
) -> Any:
    """Return PEFT's model around ``model``, with the adapter of a folder or hub repository.

    The adapter may have been trained here or with transformers. ``model`` may also be what this
    function or `get_peft_model` returned; it then gets one more adapter, and uses it. ``hub`` says
    how to find the files, as ``from_pretrained`` does.
    """
    where, others = HubOptions.split(hub)
    if others:
        raise TypeError(f"load_adapter has no argument {listed(sorted(others))}")
    files = open_checkpoint(name, where)
    stored = read(files)
    if isinstance(model, PreTrainedModel):
        settings = own_settings(model, stored.settings, stored.blocks)
        settings.base_model_name_or_path = model.name_or_path or None
        base, holder = model, peft_package().get_peft_model(model, settings, adapter_name)
    else:
        base, holder = model.get_base_model(), model
        if adapter_name in holder.peft_config:
            raise InputError(
                f"there is an adapter {shown(adapter_name)} already: give another adapter_name"
            )
        settings = own_settings(base, stored.settings, stored.blocks)
        holder.add_adapter(adapter_name, settings)
    fill(holder, base, stored, adapter_name)
    own = holder.peft_config[adapter_name]
    own.inference_mode = not is_trainable
    if own.is_prompt_learning:
        holder.set_adapter(adapter_name)
    else:
        holder.base_model.set_adapter(adapter_name, inference_mode=not is_trainable)
        holder.active_adapter = adapter_name
    return holder if is_trainable else holder.eval()


def save_adapter(
    model: Any, save_directory: str | os.PathLike[str], adapter_name: str | None = None
) -> None:
    """Write an adapter, by default the active one, under the hub's names.

    `load_adapter` reads it, and so does ``peft.PeftModel.from_pretrained`` on the same model of
    transformers. ``model`` is PEFT's, or one of ours with adapters inside.
    """
    if isinstance(model, PreTrainedModel):
        write(model, model, save_directory, adapter_name or model.active_adapters()[0])
        return
    write(model, model.get_base_model(), save_directory, adapter_name or model.active_adapter)


def merge(model: Any, adapter_names: list[str] | None = None) -> Any:
    """Return the model with its adapters, by default the active ones, merged into its weights.

    A layer that has an adapter and shares its weight, as an output layer tied to the embeddings,
    gets a weight of its own first: else the other layer would change too. ``model`` is PEFT's, or
    one of ours with adapters inside, and is changed.
    """
    base: PreTrainedModel = model if isinstance(model, PreTrainedModel) else model.get_base_model()
    merge_adapters(base, adapter_names)
    return base
