"""From a ``device_map`` of any kind to the device of each module."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from automodel_core.checkpoint.loading.placement import DISK, DeviceMap, Placement, usable_device
from automodel_core.errors import InputError, listed, shown

if TYPE_CHECKING:
    from automodel_core.checkpoint.names.table import WeightNames

__all__ = ["STRATEGIES", "Weighing", "modules_by_device", "needs_accelerate", "refuse_idle"]

STRATEGIES = ("auto", "balanced", "balanced_low_0", "sequential")
"""What finds a place for each part: ``auto`` is ``balanced`` where there are accelerators."""

SHARE = 0.9
"""The share of an accelerator's free memory that weights may fill; the rest is for activations."""

logger = logging.getLogger("automodel_core")

Devices = dict[str, Any]


@dataclass(frozen=True)
class Weighing:
    """What a strategy has to know: how large each part is, which belong together, what is free."""

    build: Callable[[], nn.Module]
    """Returns the model without memory, its weights tied."""
    dtype: torch.dtype
    segments_in_fp32: Collection[str]
    max_memory: Mapping[Any, Any] | None = None
    offload_buffers: bool = False


def refuse_idle(device_map: DeviceMap, **arguments: Any) -> None:
    """Raise `InputError` for ``arguments`` that have no effect with this ``device_map``."""
    given = [name for name, value in arguments.items() if value]
    if device_map is None and given:
        raise InputError(f"{given[0]}= has no effect without device_map=: give both")
    if "max_memory" in given and not (isinstance(device_map, str) and device_map in STRATEGIES):
        raise InputError(
            f"max_memory= bounds what a strategy chooses, and device_map={shown(device_map)} is "
            f"none: give one of {listed(STRATEGIES)}"
        )


def modules_by_device(
    device_map: DeviceMap, model: nn.Module, names: WeightNames, weighing: Weighing
) -> Devices | None:
    """Return the device of each module, by module names, and ``None`` for no map.

    Devices are what the caller wrote, or numbers of accelerators, ``"cpu"`` and ``"disk"``. Raises
    `InputError` for a device that is not there and for weights without a place.
    """
    if device_map is None:
        return None
    if isinstance(device_map, Mapping):
        return _by_own_names(device_map, model, names)
    if isinstance(device_map, str) and device_map in STRATEGIES:
        return _chosen(device_map, weighing)
    if device_map != DISK:
        usable_device(device_map)
    return {"": device_map}


def _by_own_names(device_map: Mapping[str, Any], model: nn.Module, names: WeightNames) -> Devices:
    """Return a map by prefixes of modules or the hub's names, by modules that hold no other."""
    placement = Placement(device_map)
    weights = [name for name, _ in model.named_parameters(remove_duplicate=False)]
    weights += [name for name, _ in model.named_buffers(remove_duplicate=False)]
    hubs = {name: names.to_hub(name).name for name in weights}
    for name, hub in hubs.items():
        placement.device(name, hub)
    spellings = [*weights, *hubs.values()]
    idle = [key for key in device_map if key and not _is_used(key, spellings)]
    if idle:
        logger.warning("device_map: no weight is below %s", listed(idle))
    modules = {name for name, _ in model.named_modules(remove_duplicate=False)} | {*weights}
    overlap = any(_is_used(key, device_map.keys() - {key}) or not key for key in device_map)
    if device_map.keys() <= modules and (not overlap or len(device_map) == 1):
        return dict(device_map)
    places = {}
    for name, hub in hubs.items():
        key = _longest(device_map, name) or _longest(device_map, hub) or ""
        places[name] = device_map[key]
    return _joined(places)


def _is_used(prefix: str, names: Iterable[str]) -> bool:
    return any(name == prefix or name.startswith(f"{prefix}.") for name in names)


def _longest(device_map: Mapping[str, Any], name: str) -> str:
    while name and name not in device_map:
        name = name.rpartition(".")[0]
    return name


def _joined(places: Mapping[str, Any], path: str = "") -> Devices:
    """Return devices by the shortest prefixes that keep each weight's own."""
    if len(set(map(str, places.values()))) == 1:
        return {path: next(iter(places.values()))}
    start = f"{path}." if path else ""
    groups: dict[str, dict[str, Any]] = {}
    for name, device in places.items():
        child = start + name[len(start) :].partition(".")[0]
        groups.setdefault(child, {})[name] = device
    return {
        key: device
        for child, group in groups.items()
        for key, device in _joined(group, child).items()
    }


# ---- strategies ----


def _chosen(strategy: str, weighing: Weighing) -> Devices:
    """Return the devices that a strategy finds, by accelerate where there is a choice."""
    if strategy == "auto" and weighing.max_memory is None:
        accelerator = torch.accelerator.current_accelerator(check_available=True)
        if accelerator is None:
            return {"": "cpu"}  # weights are mapped, so they need not fit
        if _fits(accelerator, weighing):
            return {"": accelerator}
    accelerate = needs_accelerate(f"device_map={strategy!r}")
    model = weighing.build()
    no_split: Any = model._no_split_modules
    special = {
        name: torch.float32
        for name, _ in model.named_parameters()
        if weighing.dtype is torch.float16
        and not {*weighing.segments_in_fp32}.isdisjoint(name.split("."))
    }
    sizes = {"dtype": weighing.dtype, "special_dtypes": special}
    memory: Any = None if weighing.max_memory is None else dict(weighing.max_memory)
    try:
        if strategy != "sequential":
            memory = accelerate.utils.get_balanced_memory(
                model,
                memory,
                no_split_module_classes=no_split,
                low_zero=strategy == "balanced_low_0",
                **sizes,
            )
        found: Devices = accelerate.infer_auto_device_map(
            model,
            max_memory=accelerate.utils.get_max_memory(memory),
            no_split_module_classes=no_split,
            offload_buffers=weighing.offload_buffers,
            **sizes,
        )
    except ValueError as error:
        raise InputError(f"max_memory={shown(weighing.max_memory)}: {error}") from error
    return dict(found)


def _fits(accelerator: torch.device, weighing: Weighing) -> bool:
    """Return whether the only accelerator of this machine has room for the whole model."""
    if torch.accelerator.device_count() != 1 or accelerator.type != "cuda":
        return False
    size = weighing.dtype.itemsize
    needed = sum(parameter.numel() * size for parameter in weighing.build().parameters())
    free, _ = torch.cuda.mem_get_info(accelerator)
    return bool(needed <= SHARE * free)


def needs_accelerate(what: str) -> Any:
    """Return the accelerate package, or raise `InputError` that names the extra."""
    try:
        import accelerate
    except ImportError as error:
        raise InputError(
            f"{what} needs accelerate: pip install 'automodel-core[accelerate]'"
        ) from error
    return accelerate
