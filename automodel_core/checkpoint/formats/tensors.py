"""Lazy tensors of a checkpoint: each is read when it is asked for."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from automodel_core.checkpoint.formats.header import TensorInfo
from automodel_core.errors import InputError, shown

if TYPE_CHECKING:
    import torch

__all__ = ["LazyTensors", "MemoryTensors", "ShardedTensors"]


class LazyTensors(Mapping[str, TensorInfo]):
    """A mapping from hub names to what is known about each tensor; the base of all readers.

    ``metadata`` holds the notes of the file.
    """

    def __init__(self, infos: Mapping[str, TensorInfo], metadata: Mapping[str, str]) -> None:
        self._infos = infos
        self.metadata = metadata

    def __getitem__(self, name: str) -> TensorInfo:
        return self._infos[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._infos)

    def __len__(self) -> int:
        return len(self._infos)

    def stored_name(self, name: str) -> str:
        """Return what the file calls a tensor, where that is not its usual name."""
        return name

    @abstractmethod
    def tensor(self, name: str) -> torch.Tensor:
        """Return a tensor on the CPU, as a view of the file where that is possible."""

    def read(self, name: str, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
        """Return a tensor in another dtype or on another device, without keeping the original."""
        from automodel_core.layers.kernels import fresh_memory

        stored = self.tensor(name)
        if stored.dtype == dtype and stored.device == device:
            return stored
        return fresh_memory.copied(stored, dtype, device)

    def read_parts(
        self, name: str, lengths: Sequence[int], dim: int, dtype: torch.dtype, device: torch.device
    ) -> list[torch.Tensor]:
        """Return consecutive parts of a tensor along a dimension, each with storage of its own."""
        from automodel_core.layers.kernels import fresh_memory

        return [
            fresh_memory.copied(part, dtype, device)
            for part in self.tensor(name).split(list(lengths), dim)
        ]

    def confirm(self) -> None:
        """Raise `CheckpointFormatError` if a file was cut while its tensors were read."""

    def copied(self, name: str, dtype: torch.dtype) -> torch.Tensor:
        """Return a tensor in memory of its own, which no file is mapped into."""
        from automodel_core.layers.kernels import fresh_memory

        return fresh_memory.copied(self.tensor(name), dtype)


class ShardedTensors(LazyTensors):
    """The tensors of several files; of a name that two of them have, the indexed one counts."""

    def __init__(self, shards: Mapping[str, LazyTensors], weight_map: Mapping[str, str]) -> None:
        self._shards = tuple(shards.values())
        self._places: dict[str, LazyTensors] = {}
        metadata: dict[str, str] = {}
        for shard in shards.values():
            metadata.update(shard.metadata)
            self._places.update(dict.fromkeys(shard, shard))
        self._places.update({name: shards[file] for name, file in weight_map.items()})
        super().__init__({name: shard[name] for name, shard in self._places.items()}, metadata)

    def stored_name(self, name: str) -> str:
        return self._places[name].stored_name(name)

    def tensor(self, name: str) -> torch.Tensor:
        return self._places[name].tensor(name)

    def read(self, name: str, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
        return self._places[name].read(name, dtype, device)

    def read_parts(
        self, name: str, lengths: Sequence[int], dim: int, dtype: torch.dtype, device: torch.device
    ) -> list[torch.Tensor]:
        return self._places[name].read_parts(name, lengths, dim, dtype, device)

    def confirm(self) -> None:
        for shard in self._shards:
            shard.confirm()

    def copied(self, name: str, dtype: torch.dtype) -> torch.Tensor:
        return self._places[name].copied(name, dtype)


class MemoryTensors(LazyTensors):
    """Tensors that are in memory already, such as a ``state_dict``; copies are handed out."""

    def __init__(self, tensors: Mapping[str, torch.Tensor]) -> None:
        import torch

        for name, tensor in tensors.items():
            if not isinstance(tensor, torch.Tensor):
                raise InputError(f"weight {shown(name)} must be a tensor, got {shown(tensor)}")
            if tensor.is_meta:
                raise InputError(f"weight {shown(name)} is on the meta device and has no values")
        self._tensors = tensors
        infos = {
            name: TensorInfo(
                tuple(tensor.shape),
                str(tensor.dtype).removeprefix("torch."),
                tensor.numel() * tensor.element_size(),
                "",
            )
            for name, tensor in tensors.items()
        }
        super().__init__(infos, {})

    def tensor(self, name: str) -> torch.Tensor:
        return self._tensors[name].detach().cpu().clone()

    def read(self, name: str, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
        return self._tensors[name].detach().to(device=device, dtype=dtype, copy=True)
