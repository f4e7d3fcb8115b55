"""Lists of token ids to tensors and back; torch and numpy are imported on demand only."""

from __future__ import annotations

import importlib
import sys
from enum import Enum
from typing import Any

from automodel_core.errors import MissingExtraError, TokenizationError, shown

__all__ = ["TensorType", "plain", "tensor_kind", "to_tensor"]


class TensorType(str, Enum):
    """Values of ``return_tensors``."""

    PYTORCH = "pt"
    NUMPY = "np"


def _framework(kind: TensorType) -> Any:
    name = "torch" if kind is TensorType.PYTORCH else "numpy"
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingExtraError(
            f"return_tensors={kind.value!r} needs {name}, which is not installed: "
            f"pip install {name}"
        ) from error


def as_tensor_type(kind: str | TensorType) -> TensorType:
    try:
        return TensorType(kind)
    except ValueError as error:
        raise TokenizationError(
            f"return_tensors={shown(kind)} is not known; it is 'pt' (torch) or 'np' (numpy)"
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


def _is_empty(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(_is_empty(item) for item in value)


def to_tensor(key: str, value: Any, kind: TensorType) -> Any:
    """Return the tensor of ``value``; an empty one has the type of token ids."""
    if tensor_kind(value) is kind:
        return value
    framework = _framework(kind)
    try:
        if kind is TensorType.NUMPY:
            return framework.asarray(plain(value), dtype="int64" if _is_empty(value) else None)
        first = value[0] if isinstance(value, list | tuple) and value else None
        if tensor_kind(first) is not None:
            value = plain(value)
        return framework.tensor(value, dtype=framework.int64 if _is_empty(value) else None)
    except (ValueError, TypeError, RuntimeError, OverflowError) as error:
        raise TokenizationError(
            f"Unable to create a tensor from {key!r}: the sequences differ in length or hold "
            "something other than numbers. padding=True and truncation=True make the lengths equal."
        ) from error
