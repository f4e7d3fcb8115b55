"""What a file of tensors says that it holds, once a reader has checked it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from automodel_core.errors import CheckpointFormatError, CheckpointNotFoundError, shown

__all__ = ["FileHeader", "TensorInfo", "open_file"]

_POINTER = b"version https"
"""How the small file begins that git-lfs leaves in the place of a large one."""


class TensorInfo(NamedTuple):
    """What is known about a tensor without reading it; ``dtype`` is torch's name for it."""

    shape: tuple[int, ...]
    dtype: str
    nbytes: int
    file: str


@dataclass(frozen=True)
class FileHeader:
    """A checked header: each tensor, its bytes counted from the start of the file, and notes."""

    tensors: Mapping[str, TensorInfo]
    spans: Mapping[str, tuple[int, int]]
    metadata: Mapping[str, str]
    file_size: int


def open_file(path: Path) -> BinaryIO:
    """Open a file to read it; ``CheckpointNotFoundError`` if there is none."""
    try:
        file = path.open("rb")
    except FileNotFoundError as error:
        raise CheckpointNotFoundError(f"there is no file {shown(str(path))}") from error
    begin = file.read(len(_POINTER))
    file.seek(0)
    if begin == _POINTER:
        file.close()
        raise CheckpointFormatError(
            f"{shown(str(path))} holds a git-lfs pointer instead of weights: run 'git lfs pull' "
            "there"
        )
    return file
