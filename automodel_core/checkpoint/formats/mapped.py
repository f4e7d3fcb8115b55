"""Files whose tensors lie there as torch holds them, read by mapping them into memory."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import torch

from automodel_core.checkpoint.formats.header import FileHeader, open_file
from automodel_core.checkpoint.formats.held_file import HeldFile
from automodel_core.checkpoint.formats.tensors import LazyTensors
from automodel_core.errors import CheckpointFormatError, shown
from automodel_core.layers.kernels import fresh_memory

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["MappedTensors", "torch_dtype"]

_CHUNK = 1 << 20
_CPU = torch.device("cpu")


def torch_dtype(name: str, where: str) -> torch.dtype:
    """Return the dtype of a name; ``CheckpointFormatError`` if this torch has none of that name."""
    dtype = vars(torch).get(name)
    if not isinstance(dtype, torch.dtype):
        raise CheckpointFormatError(f"{where}: torch {torch.__version__} has no dtype {name}")
    return dtype


class MappedTensors(LazyTensors):
    """One file, mapped privately: writing to a tensor changes memory, never the file.

    Who writes to the file changes mapped tensors, and cuts them off; without ``is_mapped`` each
    tensor is read into memory of its own. A tensor that is not aligned to its elements is copied,
    too. A format with checksums says in `check` how a tensor is compared with its own.
    """

    def __init__(self, file: HeldFile, header: FileHeader, *, is_mapped: bool = True) -> None:
        super().__init__(header.tensors, header.metadata)
        self.path = file.path
        self._file = file
        self._header = header
        self._is_mapped = is_mapped
        self._mapped: Any = None
        self._dtypes: dict[str, torch.dtype] = {}
        self._checked: set[str] = set()

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        parse: Callable[[BinaryIO, Path], FileHeader],
        *,
        disable_mmap: bool = False,
    ) -> Self:
        """Open a file after ``parse`` has checked what it holds; no tensor is read."""
        if sys.byteorder == "big":
            raise CheckpointFormatError(
                f"{shown(str(path))} has little-endian data, which this big-endian machine cannot "
                "map"
            )
        path = Path(path)
        with open_file(path) as file:
            held, header = HeldFile(path, file), parse(file, path)
        return cls(held, header, is_mapped=not disable_mmap)

    def span(self, name: str) -> tuple[int, int]:
        """Return where the bytes of a tensor begin and end in the file."""
        return self._header.spans[name]

    def check(self, name: str) -> None:
        """Raise `CheckpointFormatError` if the bytes of a tensor are damaged; called once each."""

    def tensor(self, name: str) -> torch.Tensor:
        info = self._header.tensors[name]
        begin, end = self._header.spans[name]
        dtype = self._dtype(name)
        tensor = torch.empty(0, dtype=dtype, device=_CPU)
        if begin == end:
            return tensor.view(info.shape)
        self._check_once(name)
        if begin % dtype.itemsize or not self._is_mapped:
            tensor = self._copied(name, dtype)
        else:
            tensor.set_(self._map()[begin:end], 0, info.shape)  # type: ignore[call-overload]
        if dtype is torch.bool:
            self._check_truth(name, tensor)
        return tensor

    def read(self, name: str, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
        if dtype == self._dtype(name) and device.type == "cpu":
            return self.tensor(name)
        if not self._is_plain(name):
            return self.tensor(name).to(device=device, dtype=dtype)
        return self._copied(name, dtype, device)

    def confirm(self) -> None:
        if self._mapped is not None:
            self._file.check()

    def copied(self, name: str, dtype: torch.dtype) -> torch.Tensor:
        if not self._is_plain(name):
            return super().copied(name, dtype)
        shape = self._header.tensors[name].shape
        return self._fill(fresh_memory.empty(shape, dtype), name)

    def _is_plain(self, name: str) -> bool:
        """Return whether each element is stored as torch holds it, and may have any value."""
        stored = self._dtype(name)
        return stored is not torch.bool and stored.itemsize == self._bytes_per_element(name)

    def _dtype(self, name: str) -> torch.dtype:
        text = self._header.tensors[name].dtype
        if text not in self._dtypes:
            self._dtypes[text] = torch_dtype(text, self._where(name))
        return self._dtypes[text]

    def _bytes_per_element(self, name: str) -> int:
        info = self._header.tensors[name]
        count = torch.Size(info.shape).numel()
        return info.nbytes // count if count else torch_dtype(info.dtype, "").itemsize

    def _where(self, name: str) -> str:
        return f"{shown(str(self.path))}, tensor {shown(name)}"

    def _map(self) -> Any:
        if self._mapped is None:
            self._file.check()
            mapped: Any = torch.UntypedStorage.from_file(
                self._file.name, False, self._header.file_size
            )
            self._file.check()
            self._mapped = mapped
        return self._mapped

    def read_parts(
        self, name: str, lengths: Sequence[int], dim: int, dtype: torch.dtype, device: torch.device
    ) -> list[torch.Tensor]:
        stored, shape = self._dtype(name), self._header.tensors[name].shape
        if dtype == stored or not self._is_plain(name) or (dim, len(shape)) != (1, 2):
            return super().read_parts(name, lengths, dim, dtype, device)
        rows, width = shape
        parts = [fresh_memory.empty((rows, length), dtype, device) for length in lengths]
        done = 0
        for values in self._pieces(name, width * stored.itemsize):
            block = values.view(-1, width)
            for part, piece in zip(parts, block.split(list(lengths), 1), strict=True):
                part[done : done + len(block)].copy_(piece)
            done += len(block)
        return parts

    def _copied(self, name: str, dtype: torch.dtype, device: torch.device = _CPU) -> torch.Tensor:
        """Read a tensor piece by piece."""
        shape = self._header.tensors[name].shape
        return self._fill(fresh_memory.empty(shape, dtype, device), name)

    def _fill(self, result: torch.Tensor, name: str) -> torch.Tensor:
        flat, done = result.view(-1), 0
        for values in self._pieces(name, self._dtype(name).itemsize):
            flat[done : done + len(values)].copy_(values)
            done += len(values)
        return result

    def _pieces(self, name: str, unit: int) -> Iterator[torch.Tensor]:
        """Yield the numbers of a tensor, whole multiples of ``unit`` bytes at a time."""
        self._check_once(name)
        begin, end = self._header.spans[name]
        with _buffer(_room(begin, end, unit)) as buffer:
            for piece in self._chunks(begin, end, unit, name, buffer):
                yield piece.view(self._dtype(name))

    def stored_bytes(self, name: str, most: int) -> Iterator[torch.Tensor]:
        """Yield the bytes of a tensor as they lie in the file, so many at a time at most."""
        begin, end = self._header.spans[name]
        if not self._is_mapped:
            yield from self.chunks(begin, end, unit=most, what=name)
            return
        whole = torch.empty(0, dtype=torch.uint8, device=_CPU)
        whole.set_(self._map()[begin:end], 0, (end - begin,))  # type: ignore[call-overload]
        yield from whole.split(most)

    def chunks(
        self, begin: int, end: int, *, unit: int = 1, what: str = ""
    ) -> Iterator[torch.Tensor]:
        """Yield the bytes of a part of the file, whole multiples of ``unit`` at a time.

        They lie in a small buffer that is used again; nothing else stays resident. ``what`` is the
        tensor that an error names.
        """
        return self._chunks(begin, end, unit, what, bytearray(_room(begin, end, unit)))

    def _chunks(
        self, begin: int, end: int, unit: int, what: str, buffer: bytearray
    ) -> Iterator[torch.Tensor]:
        most, window = len(buffer) // unit * unit or len(buffer), memoryview(buffer)
        with self._file.open() as file:
            file.seek(begin)
            while begin < end:
                piece = min(most, end - begin)
                filled = 0
                while filled < piece and (got := file.readinto(window[filled:piece])):
                    filled += got
                if filled < piece:
                    raise CheckpointFormatError(
                        f"{self._where(what)}: the file ended while it was read"
                    )
                yield torch.frombuffer(buffer, dtype=torch.uint8, count=piece)
                begin += piece

    def _check_once(self, name: str) -> None:
        if name not in self._checked:
            self.check(name)
            self._checked.add(name)

    def _check_truth(self, name: str, tensor: torch.Tensor) -> None:
        if int(tensor.view(torch.uint8).max()) > 1:
            raise CheckpointFormatError(f"{self._where(name)}: a BOOL must be 0 or 1")


def _room(begin: int, end: int, unit: int) -> int:
    """Return how many bytes are read at a time."""
    return min(max(_CHUNK // unit, 1) * unit, end - begin)


_free_buffers: list[bytearray] = []


@contextlib.contextmanager
def _buffer(size: int) -> Iterator[bytearray]:
    """Lend a buffer of so many bytes at least; the system takes long to give a new one."""
    if size > _CHUNK:
        yield bytearray(size)
        return
    try:
        buffer = _free_buffers.pop()
    except IndexError:
        buffer = bytearray(_CHUNK)
    try:
        yield buffer
    finally:
        if not _free_buffers:
            _free_buffers.append(buffer)
