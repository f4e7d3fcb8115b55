"""Tensors of another framework under the names, and with the axes, that torch's files have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from automodel_core.checkpoint.formats.header import TensorInfo
from automodel_core.checkpoint.formats.tensors import LazyTensors
from automodel_core.errors import CheckpointFormatError, shown

if TYPE_CHECKING:
    import torch

__all__ = ["TranslatedTensors", "Translation", "TranslationOf", "kernel_axes", "translated_infos"]


class Translation(NamedTuple):
    """What a tensor is called in torch's files, and how its axes become those there.

    ``axes`` are the file's in torch's order, ``None`` for the same; then it gets ``shape``, unless
    that is ``None``.
    """

    name: str
    axes: tuple[int, ...] | None = None
    shape: tuple[int, ...] | None = None


TranslationOf = Callable[[str, TensorInfo], Translation | None]
"""Translates a name; ``None`` for what is no weight, such as the state of an optimizer."""


def kernel_axes(rank: int) -> tuple[int, ...] | None:
    """Return the axes of a kernel, stored ``(..., in, out)``, in torch's order: output first."""
    return (rank - 1, rank - 2, *range(rank - 2)) if rank > 1 else None


class TranslatedTensors(LazyTensors):
    """The tensors of another framework's files; where axes are turned, views of what lies there."""

    def __init__(self, source: LazyTensors, translation: TranslationOf) -> None:
        self._source = source
        infos, self._origins = translated_infos(source, translation)
        super().__init__(infos, source.metadata)

    def stored_name(self, name: str) -> str:
        return self._source.stored_name(self._origins[name][0])

    def tensor(self, name: str) -> torch.Tensor:
        return self._turned(name, self._source.tensor(self._origins[name][0]))

    def read(self, name: str, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
        return self._turned(name, self._source.read(self._origins[name][0], dtype, device))

    def confirm(self) -> None:
        self._source.confirm()

    def copied(self, name: str, dtype: torch.dtype) -> torch.Tensor:
        return self._turned(name, self._source.copied(self._origins[name][0], dtype))

    def _turned(self, name: str, tensor: torch.Tensor) -> torch.Tensor:
        _, (_, axes, shape) = self._origins[name]
        tensor = tensor if axes is None else tensor.permute(axes)
        return tensor if shape is None else tensor.reshape(shape)


def translated_infos(
    source: Mapping[str, TensorInfo], translation: TranslationOf
) -> tuple[dict[str, TensorInfo], dict[str, tuple[str, Translation]]]:
    """Return what is known of tensors by torch's names, and where each of these comes from."""
    infos: dict[str, TensorInfo] = {}
    origins: dict[str, tuple[str, Translation]] = {}
    for stored, info in source.items():
        found = translation(stored, info)
        if found is None:
            continue
        if found.name in infos:
            raise CheckpointFormatError(
                f"{shown(info.file)}: tensors {shown(origins[found.name][0])} and {shown(stored)} "
                f"are both called {found.name} in torch: the file is damaged, or none of the known "
                "layouts"
            )
        shape = found.shape
        if shape is None:
            axes = range(len(info.shape)) if found.axes is None else found.axes
            shape = tuple(info.shape[axis] for axis in axes)
        origins[found.name] = stored, found
        infos[found.name] = info._replace(shape=shape)
    return infos, origins
