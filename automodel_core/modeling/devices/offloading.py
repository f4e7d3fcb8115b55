"""Let a model run whose parts are on several devices, or on disk."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from automodel_core.checkpoint.loading.placement import DISK
from automodel_core.checkpoint.loading.shards import whole
from automodel_core.checkpoint.loading.stored import StoredWeights
from automodel_core.checkpoint.loading.ties import find_slots
from automodel_core.errors import InputError, listed
from automodel_core.modeling.devices.device_maps import needs_accelerate

__all__ = ["dispatch", "execution_device", "whole_state"]


def dispatch(
    model: nn.Module,
    device_map: Mapping[str, Any],
    stored: StoredWeights,
    *,
    folder: str | os.PathLike[str] | None,
    offload_buffers: bool,
) -> None:
    """Set ``hf_device_map``, and let hooks move inputs and weights where the map needs them.

    Weights on disk are read from ``stored``, or from ``folder``, where they are written first.
    """
    devices = {str(device) for device in device_map.values()}
    if "meta" in devices or (len(devices) == 1 and DISK not in devices):
        vars(model)["hf_device_map"] = dict(device_map)
        return
    accelerate = needs_accelerate(f"a device_map with {' and '.join(sorted(devices))}")
    main = next((d for d in device_map.values() if str(d) not in ("cpu", DISK)), "cpu")
    away = {DISK} if str(main) == "cpu" else {"cpu", DISK}
    on_disk = list(stored)
    for name, slot in find_slots(model).items():
        if not slot.tensor.is_meta and str(_device_of(name, device_map)) in away:
            stored.keep(name, slot.tensor.detach())
    index: dict[str, Any] = {}
    if folder is not None and DISK in devices:
        os.makedirs(folder, exist_ok=True)
        for name in on_disk:
            accelerate.utils.offload_weight(stored[name], name, folder, index)
            stored.remove(name)
        accelerate.utils.save_offload_index(index, folder)
    accelerate.dispatch_model(
        model,
        {k: str(v) if isinstance(v, torch.device) else v for k, v in device_map.items()},
        main_device=main,
        state_dict=stored,
        offload_dir=folder,
        offload_index=index,
        offload_buffers=offload_buffers,
        skip_keys="past_key_values",
    )


def _device_of(name: str, device_map: Mapping[str, Any]) -> Any:
    while name and name not in device_map:
        name = name.rpartition(".")[0]
    return device_map[name]


def _hooks(module: nn.Module) -> Iterator[dict[str, Any]]:
    """Yield the attributes of the hooks that accelerate has put on one module."""
    hook = vars(module).get("_hf_hook")
    if hook is not None:
        yield from map(vars, vars(hook).get("hooks", (hook,)))


def execution_device(model: nn.Module) -> torch.device | None:
    """Return the device that hooks let a model run on; ``None`` without hooks."""
    for module in model.modules():
        for hook in _hooks(module):
            if hook.get("execution_device") is not None:
                return torch.device(hook["execution_device"])
    return None


def whole_state(model: nn.Module) -> dict[str, Tensor]:
    """Return a model's state, with the values that hooks hold for weights without memory.

    A sharded model's is gathered, for which all its processes must call this. Raises `InputError`
    for weights that have no values.
    """
    state: dict[str, Tensor] = {name: whole(tensor) for name, tensor in model.state_dict().items()}
    absent = [name for name, tensor in state.items() if tensor.is_meta]
    for name in absent:
        path, _, leaf = name.rpartition(".")
        held = (hook for hook in _hooks(model.get_submodule(path)) if hook.get("offload"))
        weights: Mapping[str, Tensor] = next((hook["weights_map"] for hook in held), {})
        if leaf in weights:
            state[name] = weights[leaf]
    # A tied weight may be held under its other name.
    slots = find_slots(model) if absent else {}
    values = {id(slot): state[name] for name, slot in slots.items() if not state[name].is_meta}
    for name in absent:
        state[name] = values.get(id(slots[name]), state[name])
    lacking = [name for name in absent if state[name].is_meta]
    if lacking:
        raise InputError(
            f"{len(lacking)} weights of this {type(model).__name__} are on the meta device and "
            f"have no values: {listed(lacking)}"
        )
    return state
