"""State dicts that callers give: of this model or of one that wraps it, under either side's names.

A wrapper changes names: ``torch.compile``, data parallelism and checkpointing put a segment of
their own into them, adapters a prefix.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from torch import Tensor

from automodel_core.checkpoint.names.table import WeightNames
from automodel_core.errors import InputError, did_you_mean, listed, shown
from automodel_core.layers.kernels.linear import QuantisedLinear
from automodel_core.modeling.pretrained.hub_state import module_state, own_tensors, without_wrappers
from automodel_core.modeling.pretrained.weighted import WeightedModel

__all__ = ["state_of_modules", "state_to_load", "state_to_save", "without_prefix"]

PREFIXES = ("module.", "base_model.model.")
"""What wrappers put before all names."""
PREFIXES_OF_FILES = ("_orig_mod.", "module.", "model.")
"""What ``torch.compile``, data parallelism and training loops put before all names."""
ADAPTERS = ("lora_", "base_layer", "modules_to_save")
"""How segments begin that say a state is that of a model with an adapter."""


def state_to_save(model: WeightedModel, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a whole state of the model, by module names.

    Tied weights need to be given once, buffers not at all. Raises `InputError` for an empty state,
    for unknown and missing names, and for other shapes than the model's.
    """
    if not given:
        raise InputError("state_dict= is empty: there is nothing to save")
    expected = own_tensors(model)
    state = _unwrapped(given, expected)
    if not state.keys() <= expected.keys():
        from_hub = module_state(model, state)
        if len(expected.keys() & from_hub) > len(expected.keys() & state):
            state = from_hub
    _refuse_unknown(model, state.keys() - expected.keys(), expected)
    _add_shared(model, state)
    for name, buffer in model.named_buffers():
        if name in expected:
            state.setdefault(name, buffer)
    missing = [name for name in expected if name not in state]
    if missing:
        raise InputError(
            f"state_dict= lacks {len(missing)} of the {len(expected)} weights of "
            f"{type(model).__name__}: {listed(missing)}"
        )
    for name, tensor in state.items():
        own = expected[name]
        if own.numel() and not own.is_meta and own.shape != tensor.shape:
            raise InputError(
                f"state_dict=: weight {shown(name)} has shape {list(tensor.shape)}, and that of "
                f"the model is {list(own.shape)}"
            )
    return state


def state_of_modules(model: WeightedModel, given: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Return a state, whole or a part, by module names; one by the hub's names is translated."""
    expected = own_tensors(model).keys()
    quantised = any(isinstance(part, QuantisedLinear) for part in model.modules())
    if quantised or given.keys() <= expected:
        return given
    if expected <= given.keys():
        # Torch's set_model_state_dict adds what the model has to what a file holds.
        from_hub = {name: tensor for name, tensor in given.items() if name not in expected}
        found = module_state(model, from_hub)
        if found.keys() <= expected:
            return {name: found.get(name, given[name]) for name in expected}
    translated = module_state(model, given)
    return translated if len(expected & translated.keys()) > len(expected & given.keys()) else given


def state_to_load(
    model: WeightedModel, given: Mapping[str, Tensor], names: WeightNames
) -> Mapping[str, Tensor]:
    """Return a state by the hub's names; one by the model's own names is translated."""
    expected = own_tensors(model)
    state = _unwrapped(given, expected)
    others = state.keys() - expected.keys()
    on_hub = sum(
        any(not expected.keys().isdisjoint(names.to_module(each)) for each in spelled)
        for spelled in ((name, *names.spellings(name)) for name in others)
    )
    return names.hub_state_dict(state) if len(state) - len(others) > on_hub else state


def without_prefix(
    model: WeightedModel, weights: Iterable[str], names: WeightNames
) -> dict[str, str] | None:
    """Return the mapping that takes off what a wrapper put before all names of a checkpoint."""
    given, prefix = list(weights), ""
    while given:
        begins = (more for more in PREFIXES_OF_FILES if _all_begin(given, prefix + more))
        more = next(begins, None)
        if more is None or any(
            names.to_hub(name).name.startswith(more) for name, _ in model.named_parameters()
        ):
            break
        prefix += more
    return {f"^{re.escape(prefix)}": ""} if prefix else None


def _unwrapped(given: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a state under the names that it has without wrappers."""
    state: dict[str, Tensor] = {}
    for name, tensor in given.items():
        if not isinstance(tensor, Tensor):
            raise InputError(
                f"state_dict=: weight {shown(name)} must be a tensor, got {shown(tensor)}"
            )
        if (plain := without_wrappers(name)) in state:
            raise InputError(f"state_dict=: weight {shown(plain)} is there twice, once wrapped")
        state[plain] = tensor
    prefixes = [p for p in PREFIXES if not any(name.startswith(p) for name in expected)]
    while state and (prefix := next((p for p in prefixes if _all_begin(state, p)), None)):
        state = {name.removeprefix(prefix): tensor for name, tensor in state.items()}
    return state


def _all_begin(names: Iterable[str], prefix: str) -> bool:
    return all(name.startswith(prefix) for name in names)


def _refuse_unknown(model: WeightedModel, unknown: set[str], expected: Iterable[str]) -> None:
    if not unknown:
        return
    first = min(unknown)
    advice = did_you_mean(first, expected)
    if any(part.startswith(ADAPTERS) for name in unknown for part in name.split(".")):
        advice = "; they belong to an adapter: merge it first, or save it by itself"
    raise InputError(
        f"state_dict= holds {len(unknown)} weights that {type(model).__name__} has not: "
        f"{listed(sorted(unknown))}{advice}"
    )


def _add_shared(model: WeightedModel, state: dict[str, Tensor]) -> None:
    """Give weights that are one and the same in the model one value, if only one was given."""
    first: dict[int, str] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        if name in state:
            first.setdefault(id(parameter), name)
    for name, parameter in model.named_parameters(remove_duplicate=False):
        if id(parameter) in first:
            state.setdefault(name, state[first[id(parameter)]])
    for target, source in model.ties_in_force().items():
        if source in state:
            state.setdefault(target, state[source])
