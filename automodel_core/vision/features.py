"""What a processor returns: model inputs by name."""

from __future__ import annotations

from collections import UserDict
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from automodel_core.errors import InputError, MissingExtraError, shown

__all__ = ["BatchFeature"]

KINDS = ("pt", "np")


class BatchFeature(UserDict[str, Any]):
    """Model inputs by name, also readable as attributes: ``features.pixel_values``."""

    def __init__(
        self, data: Mapping[str, Any] | None = None, tensor_type: str | None = None
    ) -> None:
        super().__init__(data)
        self.convert_to_tensors(tensor_type)

    def __getattr__(self, name: str) -> Any:
        # "data" itself is absent while an instance is being unpickled.
        if name == "data" or name not in self.data:
            raise AttributeError(f"{type(self).__name__} has no {name!r}")
        return self.data[name]

    def __getstate__(self) -> dict[str, Any]:
        return dict(self.__dict__)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def convert_to_tensors(self, tensor_type: str | None = None) -> BatchFeature:
        """Replace lists by torch tensors ("pt") or NumPy arrays ("np"), in place."""
        if tensor_type is not None:
            kind = str(getattr(tensor_type, "value", tensor_type))
            if kind not in KINDS:
                raise InputError(
                    f"return_tensors={shown(tensor_type)} is not known; it is 'pt' (torch) or "
                    "'np' (NumPy)"
                )
            for name, value in self.data.items():
                self.data[name] = _stacked(name, value) if kind == "pt" else _array(name, value)
        return self

    def to(self, *args: Any, **kwargs: Any) -> BatchFeature:
        """Move torch tensors to a device, and cast those of floats to a dtype, in place.

        The arguments are those of ``torch.Tensor.to``.
        """
        for name, value in self.data.items():
            if isinstance(value, Tensor):
                moved = value.to(*args, **kwargs)
                whole = not value.is_floating_point()
                self.data[name] = value.to(moved.device) if whole else moved
        return self


def _stacked(name: str, value: Any) -> Tensor:
    """Return one tensor of a tensor, of a list of them, or of numbers."""
    if isinstance(value, Tensor):
        return value
    try:
        if isinstance(value, Sequence) and value and isinstance(value[0], Tensor):
            return torch.stack(list(value))
        return torch.tensor(value)
    except (ValueError, TypeError, RuntimeError) as error:
        raise InputError(
            f"no tensor can be made of {name!r}: its rows differ in shape or hold something other "
            "than numbers. Images need one size (do_resize, do_center_crop, do_pad), texts one "
            "length (padding=True)"
        ) from error


def _array(name: str, value: Any) -> Any:
    try:
        numpy = import_module("numpy")
    except ImportError as error:
        raise MissingExtraError(
            "return_tensors='np' needs numpy, which is not installed: pip install numpy"
        ) from error
    if isinstance(value, numpy.ndarray):
        return value
    return _stacked(name, value).numpy()
