"""Where a pipeline runs, and outputs that have left there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from automodel_core.errors import InputError, shown

__all__ = ["accelerator", "device_of", "on_cpu"]

HALVES = (torch.bfloat16, torch.float16)


def accelerator(index: int = 0) -> torch.device | None:
    """Return the accelerator of this number, if torch sees any."""
    if not torch.accelerator.is_available():
        return None
    current = torch.accelerator.current_accelerator()
    return None if current is None else torch.device(current.type, index)


def device_of(model: Any, device: int | str | torch.device | None) -> torch.device:
    """Return the device that is meant: a number is an accelerator's, -1 the CPU, none the model's.

    Raises `InputError` for a device that a model spread by ``device_map`` cannot move to.
    """
    if device is None:
        found: torch.device = model.device
        return found
    if isinstance(device, bool) or not isinstance(device, int | str | torch.device):
        raise InputError(f"device={shown(device)}: expected a number, a name or a torch.device")
    if isinstance(device, int):
        device = torch.device("cpu") if device < 0 else accelerator(device) or torch.device("cpu")
    chosen = torch.device(device)
    if "hf_device_map" in vars(model) and chosen != model.device:
        raise InputError(
            f"the model was placed by device_map= and cannot move to {chosen}: leave out device="
        )
    return chosen


def on_cpu(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return outputs on the CPU, in single precision at least."""
    return {name: _on_cpu(value) for name, value in outputs.items()}


def _on_cpu(value: Any) -> Any:
    if isinstance(value, Tensor):
        value = value.cpu()
        return value.float() if value.dtype in HALVES else value
    if isinstance(value, list | tuple):
        return [_on_cpu(part) for part in value]
    return value
