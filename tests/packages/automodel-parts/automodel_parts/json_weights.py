"""A format of weight files for people: names, shapes, and numbers as hexadecimal bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from automodel_core.checkpoint import MemoryTensors
from automodel_core.errors import CheckpointFormatError


def write(tensors: Mapping[str, Tensor], file: BinaryIO, metadata: Mapping[str, str]) -> None:
    """Write tensors by name; there is no place for metadata."""
    found = {
        name: {
            "dtype": str(tensor.dtype).removeprefix("torch."),
            "shape": list(tensor.shape),
            "bytes": bytes(tensor.contiguous().flatten().view(torch.uint8).tolist()).hex(),
        }
        for name, tensor in tensors.items()
    }
    file.write(json.dumps(found).encode())


def read(path: Path, **_: Any) -> MemoryTensors:
    """Return the tensors of a file; raise `CheckpointFormatError` for one that is damaged."""
    try:
        found = json.loads(Path(path).read_text("utf-8"))
        tensors = {name: tensor_of(**held) for name, held in found.items()}
    except (ValueError, TypeError, AttributeError, RuntimeError) as error:
        raise CheckpointFormatError(f"{path} holds no weights: {error}") from error
    return MemoryTensors(tensors)


def tensor_of(dtype: str, shape: list[int], bytes: str) -> Tensor:  # noqa: A002
    kind = getattr(torch, dtype)
    data = bytearray.fromhex(bytes)
    flat = torch.frombuffer(data, dtype=kind) if data else torch.empty(0, dtype=kind)
    return flat.view(shape)
