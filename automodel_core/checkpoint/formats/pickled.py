"""``pytorch_model.bin``: read through torch's restricted unpickler, or not at all.

There is no way from here to an unrestricted one. What the restricted one lets through is checked
again: a flat dictionary of dense CPU tensors whose shapes fit into their storage.
"""

from __future__ import annotations

import os
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from automodel_core.checkpoint.formats.header import TensorInfo, open_file
from automodel_core.checkpoint.formats.tensors import LazyTensors
from automodel_core.errors import CheckpointFormatError, InputError, shown

__all__ = ["PickledFile", "open_pickled"]

_ZIP = b"PK\x03\x04"
_LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""How ``torch.save`` begins a file since 1.6, and how it did before."""


def open_pickled(
    path: str | os.PathLike[str],
    *,
    weights_only: bool = True,
    disable_mmap: bool = False,
    **_: Any,
) -> PickledFile:
    """Open a file that ``torch.save`` wrote; its tensors are mapped where the file allows it."""
    if not weights_only:
        raise InputError(
            "weights_only=False would run code from the checkpoint, which never happens here"
        )
    path = Path(path)
    where = shown(str(path))
    with open_file(path) as file:
        begin = file.read(len(_LEGACY))
    if begin.startswith(_ZIP):
        _check_archive(path, where)
    elif begin != _LEGACY:
        raise CheckpointFormatError(
            f"{where} was not written by torch.save: it begins with {shown(begin)}"
        )
    try:
        is_mapped = begin.startswith(_ZIP) and not disable_mmap
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=is_mapped)
    except Exception as error:
        raise CheckpointFormatError(
            f"{where} cannot be read as plain weights ({type(error).__name__}: "
            f"{shown(str(error).strip().splitlines()[0] if str(error).strip() else '')}): it is "
            "damaged, or needs code to be run, which is refused; ask for model.safetensors"
        ) from error
    return PickledFile(path, _checked(content, where), _notes(content))


def _check_archive(path: Path, where: str) -> None:
    """Refuse archives that are cut, compressed, or name a record twice."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError) as error:
        raise CheckpointFormatError(
            f"{where} is damaged or cut: {shown(str(error))}; fetch it again"
        ) from error
    size = path.stat().st_size
    names = [entry.filename for entry in entries]
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise CheckpointFormatError(
            f"{where} has compressed records, which torch.save never writes"
        )
    if len(set(names)) < len(names) or sum(entry.file_size for entry in entries) > size:
        raise CheckpointFormatError(f"{where} has records that overlap or share a name")


def _checked(content: object, where: str) -> dict[str, torch.Tensor]:
    if not isinstance(content, Mapping) or not all(isinstance(name, str) for name in content):
        raise CheckpointFormatError(
            f"{where} holds {type(content).__name__}; a dictionary from names to tensors was "
            "expected"
        )
    tensors: dict[str, torch.Tensor] = {}
    for name, tensor in content.items():
        if not isinstance(tensor, torch.Tensor):
            raise CheckpointFormatError(
                f"{where}, key {shown(name)}: a tensor was expected, got {type(tensor).__name__}; "
                "if this is a training checkpoint, save the model's state_dict alone"
            )
        tensor = tensor.detach()
        if tensor.layout is not torch.strided or tensor.is_quantized or tensor.device.type != "cpu":
            raise CheckpointFormatError(
                f"{where}, tensor {shown(name)}: a dense CPU tensor was expected, got "
                f"{tensor.layout} on {tensor.device}"
            )
        if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            raise CheckpointFormatError(
                f"{where}, tensor {shown(name)}: shape {shown(list(tensor.shape))} is larger than "
                f"the {tensor.untyped_storage().nbytes()} bytes that are stored"
            )
        tensors[name] = tensor
    return tensors


def _notes(content: object) -> dict[str, str]:
    """Return what the writer noted; torch keeps it beside the tensors, for modules by name."""
    notes = vars(content).get("_metadata") if isinstance(content, OrderedDict) else None
    own = notes.get("") if isinstance(notes, Mapping) else None
    texts = own.items() if isinstance(own, Mapping) else ()
    return {key: value for key, value in texts if isinstance(key, str) and isinstance(value, str)}


class PickledFile(LazyTensors):
    """The tensors of one file; those of the present format are mapped, not read."""

    def __init__(
        self, path: Path, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str]
    ) -> None:
        self.path = path
        self._tensors = tensors
        infos = {
            name: TensorInfo(
                tuple(tensor.shape),
                str(tensor.dtype).removeprefix("torch."),
                tensor.numel() * tensor.element_size(),
                str(path),
            )
            for name, tensor in tensors.items()
        }
        super().__init__(infos, metadata)

    def tensor(self, name: str) -> torch.Tensor:
        tensor = self._tensors[name]
        whole = tensor.nbytes == tensor.untyped_storage().nbytes()
        return tensor if whole and tensor.is_contiguous() else tensor.contiguous().clone()
