"""The device and the dtype of each weight."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from automodel_core.errors import CheckpointFormatError, InputError, shown

__all__ = ["DeviceMap", "Placement"]

DeviceMap = str | int | torch.device | Mapping[str, str | int | torch.device] | None
"""One device for everything, or devices by module prefix, where ``""`` stands for the rest.

``"auto"`` is the machine's accelerator if it has one, else the CPU.
"""


class Placement:
    """The device and dtype of each weight, from ``device_map``, ``dtype`` and ``keep_in_fp32``.

    ``dtype`` is for floating-point weights, and ``None`` leaves them as the checkpoint has them.
    Under float16, modules with a segment in ``keep_in_fp32`` stay in float32. The prefixes of a
    ``device_map`` are module names, or else hub names; the longest that fits counts.
    """

    def __init__(
        self,
        device_map: DeviceMap = None,
        dtype: torch.dtype | None = None,
        keep_in_fp32: tuple[str, ...] = (),
    ) -> None:
        if dtype is not None and not (isinstance(dtype, torch.dtype) and dtype.is_floating_point):
            raise InputError(f"dtype must be a floating-point torch.dtype, got {shown(dtype)}")
        self._dtype = dtype
        self._keep_in_fp32 = frozenset(keep_in_fp32)
        self._devices: dict[str, torch.device] = {}
        if isinstance(device_map, Mapping):
            self._devices = {key: _device(value) for key, value in device_map.items()}
        else:
            self._devices[""] = _device("cpu" if device_map is None else device_map)
        self._single = self._devices[""] if set(self._devices) == {""} else None

    def device(self, module_name: str, hub_name: str) -> torch.device:
        """Return the device of a weight; ``InputError`` if the map has no place for it."""
        if self._single is not None:
            return self._single
        for name in (module_name, hub_name, ""):
            prefix = name
            while prefix:
                if prefix in self._devices:
                    return self._devices[prefix]
                prefix = prefix.rpartition(".")[0]
        if "" in self._devices:
            return self._devices[""]
        raise InputError(
            f"device_map has no entry for {shown(module_name)} (on the hub {shown(hub_name)}); "
            'add one, or "" for the rest'
        )

    def dtype(self, module_name: str, needed: torch.dtype, stored: torch.dtype) -> torch.dtype:
        """Return the dtype that a weight is loaded in.

        ``needed`` is the dtype that the module was built with, ``stored`` the checkpoint's.
        """
        if needed.is_floating_point != stored.is_floating_point:
            raise CheckpointFormatError(
                f"weight {shown(module_name)} is stored as {stored} and the model needs {needed}: "
                "the checkpoint is quantised or belongs to another model"
            )
        if not needed.is_floating_point:
            return needed
        dtype = self._dtype or stored
        if (
            dtype is torch.float16
            and self._keep_in_fp32
            and not self._keep_in_fp32.isdisjoint(module_name.split("."))
        ):
            return torch.float32
        return dtype


def _device(value: object) -> torch.device:
    """Return a device that can be used; ``meta``, disks and strategies are refused."""
    if value == "auto":
        return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
    if isinstance(value, (str, int, torch.device)) and not isinstance(value, bool):
        try:
            device = torch.device(value)
        except RuntimeError:
            device = torch.device("meta")
        if device.type != "meta":
            return device
    raise InputError(
        f"device_map: {shown(value)} is not a device; give one like 'cpu' or 'cuda:0', "
        "'auto', or a dictionary from module prefixes to devices"
    )
