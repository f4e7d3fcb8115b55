"""A model's weights in memory under the names that they have on the hub."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from automodel_core.modeling.pretrained.quantise import refuse_quantised
from automodel_core.modeling.pretrained.weighted import WeightedModel

__all__ = ["hub_state", "module_state"]


def hub_state(model: WeightedModel) -> dict[str, Tensor]:
    """Return all weights under the hub's names, under redundant ones too, as the reference does."""
    refuse_quantised(model, "a state dict with the hub's names")
    names = model.weight_names(model.config)
    state = names.hub_state_dict(model.state_dict())
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
    names = model.weight_names(model.config)
    needed = model.state_dict().keys()
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
