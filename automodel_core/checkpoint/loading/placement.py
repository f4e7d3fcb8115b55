"""The device and the dtype of each weight, or the disk that it stays on."""

from __future__ import annotations

from collections.abc import Container, Mapping

import torch

from automodel_core.errors import CheckpointFormatError, InputError, shown

__all__ = ["DISK", "DeviceMap", "Dtypes", "Placement", "usable_device"]

DISK = "disk"
"""The place of weights that are read whenever they are needed."""

DeviceMap = str | int | torch.device | Mapping[str, str | int | torch.device] | None
"""One device for everything, or devices by module prefix, where ``""`` stands for the rest.

A device may be ``"disk"``, or ``"meta"`` for weights without values.
"""

Dtypes = torch.dtype | Mapping[str, torch.dtype] | None
"""One dtype for everything, or dtypes by module prefix, where ``""`` stands for the rest."""

_CPU = torch.device("cpu")


class Placement:
    """The device and dtype of each weight, from ``device_map``, ``dtype`` and ``keep_in_fp32``.

    ``dtype`` is for floating-point weights; where there is none they stay as the checkpoint has
    them. Under float16, modules with a segment in ``keep_in_fp32`` stay in float32. The prefixes of
    a ``device_map`` are module names, or else hub names; the longest that fits counts. Raises
    `InputError` for a device that this machine does not have.
    """

    def __init__(
        self,
        device_map: DeviceMap = None,
        dtype: Dtypes = None,
        keep_in_fp32: tuple[str, ...] = (),
    ) -> None:
        self._dtypes = dict(dtype) if isinstance(dtype, Mapping) else {"": dtype}
        for each in self._dtypes.values():
            if each is not None and not (isinstance(each, torch.dtype) and each.is_floating_point):
                raise InputError(f"dtype must be a floating-point torch.dtype, got {shown(each)}")
        self._dtype = self._dtypes.get("")
        self._dtype_is_single = set(self._dtypes) <= {""}
        self._keep_in_fp32 = frozenset(keep_in_fp32)
        given = device_map if isinstance(device_map, Mapping) else {"": device_map or "cpu"}
        self._devices = {
            key: None if value == DISK else usable_device(value) for key, value in given.items()
        }
        self._device_is_single = set(self._devices) == {""}
        self.uses_disk = None in self._devices.values()
        """Whether any weight may stay on disk."""

    def device(self, module_name: str, hub_name: str) -> torch.device:
        """Return the device of a weight, the CPU for one that is read from disk.

        Raises `InputError` if the map has no place for it.
        """
        return self._place(module_name, hub_name) or _CPU

    def is_on_disk(self, module_name: str, hub_name: str) -> bool:
        """Return whether a weight is to be read whenever it is needed."""
        return self._place(module_name, hub_name) is None

    def _place(self, module_name: str, hub_name: str) -> torch.device | None:
        if self._device_is_single:
            return self._devices[""]
        for name in (module_name, hub_name):
            if (prefix := _longest(name, self._devices)) is not None:
                return self._devices[prefix]
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
                f"it is stored as {stored} and the model needs {needed}: the checkpoint is "
                "quantised or belongs to another model"
            )
        if not needed.is_floating_point:
            return needed
        dtype = self._asked(module_name) or stored
        if (
            dtype is torch.float16
            and self._keep_in_fp32
            and not self._keep_in_fp32.isdisjoint(module_name.split("."))
        ):
            return torch.float32
        return dtype

    def _asked(self, module_name: str) -> torch.dtype | None:
        if self._dtype_is_single:
            return self._dtype
        prefix = _longest(module_name, self._dtypes)
        return self._dtype if prefix is None else self._dtypes[prefix]


def _longest(name: str, prefixes: Container[str]) -> str | None:
    """Return the longest of the prefixes, but ``""``, that a dotted name begins with."""
    while name and name not in prefixes:
        name = name.rpartition(".")[0]
    return name or None


def usable_device(value: object) -> torch.device:
    """Return a device of this machine, or ``meta``; raise `InputError` for any other value."""
    if isinstance(value, (str, int, torch.device)) and not isinstance(value, bool):
        try:
            device = torch.device(value)
            torch.empty(0, device=device)
        except (RuntimeError, AssertionError, NotImplementedError) as error:
            raise InputError(
                f"device_map: {shown(str(value))} is not a device of this machine, which has "
                f"{_devices_here()}: give one of these, 'auto', 'disk', 'meta', or a dictionary "
                "from module prefixes to devices"
            ) from error
        return device
    raise InputError(
        f"device_map: {shown(value)} is not a device; give one like 'cpu' or 'cuda:0', 'auto', "
        "'disk', or a dictionary from module prefixes to devices"
    )


def _devices_here() -> str:
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    if accelerator is None:
        return "'cpu' alone"
    count = torch.accelerator.device_count()
    return ", ".join(["'cpu'", *(f"'{accelerator.type}:{index}'" for index in range(count))])
