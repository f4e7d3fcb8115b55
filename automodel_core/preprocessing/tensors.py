"""Lists of numbers to tensors and back; torch and NumPy are imported on demand only."""

from __future__ import annotations

import importlib
import sys
from enum import Enum
from typing import Any

from automodel_core.errors import InputError, MissingExtraError, shown

__all__ = ["TensorType", "as_tensor_type", "plain", "tensor_kind", "to_tensor"]


class TensorType(str, Enum):
    """Values of ``return_tensors``."""

    PYTORCH = "pt"
    NUMPY = "np"


def as_tensor_type(kind: str | TensorType | Enum) -> TensorType:
    """Return the tensor type of a name or of an enumeration's member."""
    try:
        return TensorType(kind.value if isinstance(kind, Enum) else kind)
    except ValueError as error:
        raise InputError(
            f"return_tensors={shown(kind)} is not known; it is 'pt' (torch) or 'np' (NumPy)"
        ) from error


def tensor_kind(value: object) -> TensorType | None:
    """Return the kind of tensor that ``value`` is, without importing anything."""
    torch, numpy = sys.modules.get("torch"), sys.modules.get("numpy")
    if torch is not None and isinstance(value, torch.Tensor):
        return TensorType.PYTORCH
    if numpy is not None and isinstance(value, numpy.ndarray | numpy.generic):
        return TensorType.NUMPY
    return None


def plain(value: Any) -> Any:
    """Return ``value`` as Python numbers and lists."""
    if isinstance(value, list | tuple):
        # A row whose first entry is an int holds ints only.
        return list(value) if value and type(value[0]) is int else [plain(item) for item in value]
    return value if tensor_kind(value) is None else value.tolist()


def to_tensor(name: str, value: Any, kind: TensorType) -> Any:
    """Return the tensor of numbers, tensors or nested lists of either; ``name`` is for the error.

    Lists of tensors are stacked. Python's floats become ``float32``, an empty list ``int64``.
    Raises `InputError` if the rows differ in shape.
    """
    if tensor_kind(value) is kind:
        return value
    framework = _framework(kind)
    try:
        if kind is TensorType.NUMPY:
            return _array(framework, value)
        return _torch_tensor(framework, value)
    except (ValueError, TypeError, RuntimeError, OverflowError) as error:
        raise InputError(
            f"Unable to create a tensor from {name!r}: its rows differ in shape or hold something "
            "other than numbers. Images need one size (do_resize, do_center_crop, do_pad), texts "
            "one length (padding=True, truncation=True)"
        ) from error


def _framework(kind: TensorType) -> Any:
    name = "torch" if kind is TensorType.PYTORCH else "numpy"
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingExtraError(
            f"return_tensors={kind.value!r} needs {name}, which is not installed: "
            f"pip install {name}"
        ) from error


def _torch_tensor(torch: Any, value: Any) -> Any:
    first = value[0] if isinstance(value, list | tuple) and value else None
    if tensor_kind(first) is not None:
        return torch.stack([torch.as_tensor(item) for item in value])
    return torch.tensor(plain(value), dtype=torch.int64 if _is_empty(value) else None)


def _array(numpy: Any, value: Any) -> Any:
    if tensor_kind(value) is not None:
        return value.numpy()
    first = value[0] if isinstance(value, list | tuple) and value else None
    if tensor_kind(first) is not None:
        return numpy.stack([numpy.asarray(item) for item in value])
    array = numpy.asarray(plain(value), dtype="int64" if _is_empty(value) else None)
    return array.astype("float32") if array.dtype == "float64" else array


def _is_empty(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(_is_empty(item) for item in value)
