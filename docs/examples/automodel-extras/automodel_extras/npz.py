"""Weights in NumPy's archives, ``model.npz``: each array is read when it is asked for."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch

from automodel_core.checkpoint import LazyTensors, TensorInfo
from automodel_core.errors import CheckpointFormatError, InputError


class NpzTensors(LazyTensors):
    """The arrays of an archive by their names."""

    def __init__(self, path: str | os.PathLike[str], **_: Any) -> None:
        try:
            self._arrays = np.load(path, allow_pickle=False)
            infos = {name: self._info(name, Path(path).name) for name in self._arrays.files}
        except (EOFError, OSError, ValueError, zipfile.BadZipFile) as error:
            raise CheckpointFormatError(f"{os.fspath(path)} is no archive of arrays") from error
        super().__init__(infos, {})

    def _info(self, name: str, file: str) -> TensorInfo:
        with self._arrays.zip.open(f"{name}.npy") as member:
            np.lib.format.read_magic(member)
            shape, _, dtype = np.lib.format.read_array_header_1_0(member)
        return TensorInfo(shape, str(dtype), dtype.itemsize * int(np.prod(shape)), file)

    def tensor(self, name: str) -> torch.Tensor:
        return torch.from_numpy(self._arrays[name])


def write_npz(
    tensors: Mapping[str, torch.Tensor], file: BinaryIO, metadata: Mapping[str, str]
) -> None:
    """Write tensors by name; the format has no place for the notes in ``metadata``."""
    unknown = [name for name, tensor in tensors.items() if tensor.dtype == torch.bfloat16]
    if unknown:
        raise InputError(f"NumPy has no bfloat16, which {unknown[0]} is of: cast the model first")
    np.savez(file, **{name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()})
