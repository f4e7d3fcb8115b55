"""Weights in NumPy's archives, ``model.npz``: each array is read when it is asked for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import BadZipFile, ZipFile

import numpy as np
import torch
from torch import Tensor

from automodel_core.checkpoint import LazyTensors, TensorInfo
from automodel_core.errors import CheckpointFormatError, InputError


class NpzTensors(LazyTensors):
    """The arrays of an archive by their names."""

    def __init__(self, path: Path, **_: Any) -> None:
        self._path = path
        try:
            with ZipFile(path) as archive:
                infos = {name[:-4]: self._info(archive, name) for name in archive.namelist()}
        except (BadZipFile, EOFError, OSError, ValueError) as error:
            raise CheckpointFormatError(f"{path} is no archive of arrays") from error
        super().__init__(infos, {})

    def _info(self, archive: ZipFile, name: str) -> TensorInfo:
        with archive.open(name) as member:
            np.lib.format.read_magic(member)
            shape, _, dtype = np.lib.format.read_array_header_1_0(member)
        return TensorInfo(shape, str(dtype), dtype.itemsize * math.prod(shape), self._path.name)

    def tensor(self, name: str) -> Tensor:
        with np.load(self._path, allow_pickle=False) as arrays:
            return torch.from_numpy(arrays[name])


def write_npz(tensors: Mapping[str, Tensor], file: BinaryIO, metadata: Mapping[str, str]) -> None:
    """Write tensors by name; the format has no place for the notes in ``metadata``."""
    unknown = [name for name, tensor in tensors.items() if tensor.dtype == torch.bfloat16]
    if unknown:
        raise InputError(f"NumPy has no bfloat16, which {unknown[0]} is of: cast the model first")
    np.savez(file, **{name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()})
