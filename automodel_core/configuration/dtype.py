"""The attribute ``dtype`` of a configuration: read as torch's, kept as files have it."""

from __future__ import annotations

from typing import Any

__all__ = ["StoredDtype"]


class StoredDtype:
    """The dtype of the weights: a ``torch.dtype``, or its name where there is no torch.

    A configuration is read without torch, which is imported when the dtype is asked for.
    """

    def __get__(self, config: Any, config_class: Any = None) -> Any:
        stored = None if config is None else vars(config).get("dtype")
        return _as_torch(stored) if isinstance(stored, str) else stored

    def __set__(self, config: Any, value: Any) -> None:
        vars(config)["dtype"] = value


def _as_torch(name: str) -> Any:
    """Return the dtype of that name, or the name if it is none or there is no torch."""
    try:
        import torch
    except ImportError:
        return name
    found = vars(torch).get(name.removeprefix("torch."))
    return found if isinstance(found, torch.dtype) else name
