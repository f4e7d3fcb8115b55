"""A model's weights in memory under the names that they have on the hub."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from automodel_core.modeling.adapters.targets import refuse_adapters
from automodel_core.modeling.devices.offloading import whole_state
from automodel_core.modeling.pretrained.quantise import refuse_quantised
from automodel_core.modeling.pretrained.weighted import WeightedModel

__all__ = ["hub_state", "module_state", "own_tensors", "without_wrappers"]

WRAPPERS = frozenset({"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"})
"""Segments that ``torch.compile``, sharding and checkpointing put into names."""


def hub_state(model: WeightedModel) -> dict[str, Tensor]:
    """Return all weights under the hub's names, under redundant ones too, as the reference does."""
    refuse_quantised(model, "a state dict with the hub's names")
    refuse_adapters(model, "a state dict with the hub's names")
    names = model.own_names()
    state = names.hub_state_dict(whole_state(model))
    for redundant, usual in names.aliases.items():
        if usual in state:
            state.setdefault(redundant, state[usual])
    return state


def module_state(model: WeightedModel, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return weights with the hub's names under the model's own.

    Redundant names count where the usual one is absent, and a shared weight needs to be given
    once, so that what a file holds is enough. Names that nobody knows are kept.
    """
    refuse_quantised(model, "taking weights with the hub's names")
    names = model.own_names()
    needed = own_tensors(model).keys()
    usual: dict[str, Tensor] = {}
    for name, tensor in state.items():
        spellings = names.spellings(name)
        if needed.isdisjoint(names.to_module(name)):
            if names.is_ignored(name) or any(spelling in state for spelling in spellings):
                continue
            name = spellings[-1] if spellings else name
        usual[name] = tensor
    found = names.module_state_dict(usual)
    for name in needed - found.keys():
        for spelling in names.spellings(names.to_hub(name).name):
            if spelling in usual:
                found[name] = usual[spelling]
    for target, source in model.ties_in_force().items():
        if target in needed and source in found:
            found.setdefault(target, found[source])
    return found


def own_tensors(model: WeightedModel) -> dict[str, Tensor]:
    """Return all that the model's state holds, by the names that it has outside of wrappers.

    `state_dict` itself is not asked: in a sharded model all processes would have to.
    """
    parameters = dict(model.named_parameters(remove_duplicate=False))
    if any(name.rpartition(".")[2] == "_flat_param" for name in parameters):
        with torch.device("meta"):
            return own_tensors(type(model)(model.config))
    buffers = {
        f"{path}.{name}" if path else name: buffer
        for path, module in model.named_modules(remove_duplicate=False)
        for name, buffer in module.named_buffers(recurse=False, remove_duplicate=False)
        if name not in module._non_persistent_buffers_set
    }
    return {without_wrappers(name): tensor for name, tensor in {**parameters, **buffers}.items()}


def without_wrappers(name: str) -> str:
    """Return the name that a weight has outside of what wraps it."""
    return ".".join(segment for segment in name.split(".") if segment not in WRAPPERS)
