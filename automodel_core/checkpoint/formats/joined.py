"""Tensors of which a file holds several parts, one after another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from automodel_core.checkpoint.formats.header import TensorInfo
from automodel_core.checkpoint.formats.tensors import LazyTensors

if TYPE_CHECKING:
    import torch

__all__ = ["JoinedTensors", "Parts"]


class Parts(NamedTuple):
    """The names of a tensor's parts in the file, in their order, and the dimension they differ in.

    ``shape`` is that of the whole.
    """

    names: tuple[str, ...]
    dim: int
    shape: tuple[int, ...]


class JoinedTensors(LazyTensors):
    """The tensors of a file, with whole ones in place of their parts.

    A whole tensor lies in memory of its own.
    """

    def __init__(self, source: LazyTensors, joined: Mapping[str, Parts]) -> None:
        self._source = source
        self._joined = joined
        hidden = {name for parts in joined.values() for name in parts.names}
        infos = {name: info for name, info in source.items() if name not in hidden}
        for name, parts in joined.items():
            first = source[parts.names[0]]
            nbytes = sum(source[part].nbytes for part in parts.names)
            infos[name] = TensorInfo(parts.shape, first.dtype, nbytes, first.file)
        super().__init__(infos, source.metadata)

    def tensor(self, name: str) -> torch.Tensor:
        from automodel_core.layers.kernels import fresh_memory

        parts = self._joined.get(name)
        if parts is None:
            return self._source.tensor(name)
        read = [self._source.tensor(part) for part in parts.names]
        return fresh_memory.joined(read, parts.dim).view(parts.shape)

    def read(self, name: str, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
        if name in self._joined:
            return super().read(name, dtype, device)
        return self._source.read(name, dtype, device)

    def confirm(self) -> None:
        self._source.confirm()

    def copied(self, name: str, dtype: torch.dtype) -> torch.Tensor:
        if name in self._joined:
            return super().copied(name, dtype)
        return self._source.copied(name, dtype)
