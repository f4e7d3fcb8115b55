"""Safetensors files, read without any other package."""

from __future__ import annotations

import os
from typing import Any

from automodel_core.checkpoint.formats.mapped import MappedTensors
from automodel_core.checkpoint.formats.safetensors_header import parse_header

__all__ = ["open_safetensors"]


def open_safetensors(
    path: str | os.PathLike[str], *, disable_mmap: bool = False, **_: Any
) -> MappedTensors:
    """Open a safetensors file after checking its header; no tensor is read."""
    return MappedTensors.open(path, parse_header, disable_mmap=disable_mmap)
