"""Find the arrays in a file of MessagePack, whose values are read and whose bytes are not."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple

from automodel_core.checkpoint import Parts, TensorInfo
from automodel_core.errors import CheckpointFormatError, shown

_DEEPEST = 64
_MOST_VALUES = 100_000
_LONGEST_TEXT = 1024
_ARRAY, _SCALAR = 1, 3
"""Flax's extension types of arrays, and of NumPy's scalars."""
_CHUNKED = "__msgpack_chunked_array__"
"""A key of the map that stands for an array of more than 2**30 bytes."""
_WIDTHS: Mapping[str, int] = {
    "float64": 8,
    "float32": 4,
    "float16": 2,
    "bfloat16": 2,
    "int64": 8,
    "int32": 4,
    "int16": 2,
    "int8": 1,
    "uint8": 1,
    "bool": 1,
}
_NUMBER, _BYTES, _TEXT, _LIST, _MAP, _EXTENSION, _OTHER = range(7)
_KINDS: Mapping[int, tuple[int, int]] = {
    **{0xC4 + power: (_BYTES, 1 << power) for power in range(3)},
    **{0xC7 + power: (_EXTENSION, 1 << power) for power in range(3)},
    **{0xCC + power: (_NUMBER, 1 << power) for power in range(4)},
    **{0xD9 + power: (_TEXT, 1 << power) for power in range(3)},
    **{0xDC + power: (_LIST, 2 << power) for power in range(2)},
    **{0xDE + power: (_MAP, 2 << power) for power in range(2)},
}
"""What a first byte means, and of how many bytes is the number behind it: a length, or a value."""
_SIZES: Mapping[int, tuple[int, int]] = {
    **dict.fromkeys((0xC0, 0xC2, 0xC3), (_OTHER, 0)),
    0xCA: (_OTHER, 4),
    0xCB: (_OTHER, 8),
    **{0xD0 + power: (_OTHER, 1 << power) for power in range(4)},
    **{0xD4 + power: (_EXTENSION, 1 << power) for power in range(5)},
}
"""What a first byte means, and how many bytes follow."""
_SHORT = ((0x80, 0x90, _MAP), (0x90, 0xA0, _LIST), (0xA0, 0xC0, _TEXT))
"""Ranges of first bytes that say a length, too."""


class _Head(NamedTuple):
    """The kind of a value, and how many bytes or values follow; of a number, itself."""

    kind: int
    size: int


class ArrayReader:
    """The arrays of a file: what is known of each, and where its bytes are, by its path."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self.size = os.fstat(file.fileno()).st_size
        self.infos: dict[str, TensorInfo] = {}
        self.spans: dict[str, tuple[int, int]] = {}
        self._file = file
        self._path = path
        self._numbers: dict[str, int] = {}
        self._chunked: list[str] = []
        self._count = 0

    def read(self) -> None:
        """Read the whole file, which is one map."""
        if self._head().kind != _MAP:
            raise self._damaged("does not begin with a map of names: Flax did not write it")
        self._file.seek(0)
        self._value("", 0)
        if self._file.tell() != self.size:
            raise self._damaged(f"goes on behind its end, at byte {self._file.tell()}")

    def joined(self) -> Iterator[tuple[str, Parts]]:
        """Yield the arrays that are stored in several chunks, and their parts."""
        for name in self._chunked:
            shape = tuple(self._numbers[key] for key in self._below(f"{name}/shape", self._numbers))
            parts = self._below(f"{name}/chunks", self.infos)
            infos = [self.infos[part] for part in parts]
            kinds = {info.dtype for info in infos}
            count = sum(math.prod(info.shape) for info in infos)
            if len(kinds) != 1 or count != math.prod(shape):
                raise self._damaged(f"has chunks of {shown(name)} that are not its own")
            if any(len(info.shape) != 1 for info in infos):
                raise self._damaged(f"has chunks of {shown(name)} that are no rows of numbers")
            yield name, Parts(tuple(parts), 0, shape)

    def _below(self, path: str, known: Mapping[str, object]) -> list[str]:
        """Return the keys ``path/0``, ``path/1`` and so on."""
        keys: list[str] = []
        while (key := f"{path}/{len(keys)}") in known:
            keys.append(key)
        return keys

    def _value(self, path: str, depth: int) -> None:
        """Read a value, and note what it is if it is an array or a number."""
        kind, size = self._head()
        if kind == _MAP:
            if depth >= _DEEPEST:
                raise self._damaged(f"has {_DEEPEST} maps within each other")
            for _ in range(size):
                key = self._text()
                if key == _CHUNKED:
                    self._chunked.append(path)
                self._value(f"{path}/{key}" if path else key, depth + 1)
        elif kind == _EXTENSION:
            self._extension(path, size)
        elif kind == _NUMBER:
            self._numbers[path] = size
        elif kind == _LIST:
            raise self._damaged(f"has a list at {shown(path)}, and Flax writes maps of names")
        else:
            self._skip(size)

    def _extension(self, path: str, size: int) -> None:
        kind = self._bytes(1)[0]
        end = self._file.tell() + size
        if end > self.size:
            raise self._cut()
        if kind not in (_ARRAY, _SCALAR):
            self._skip(size)
            return
        where = f"has at {shown(path)} an array"
        if self._head() != (_LIST, 3):
            raise self._damaged(f"{where} without shape, dtype and bytes")
        axes = self._expect(_LIST, where)
        if axes > 64:
            raise self._damaged(f"{where} of {axes} axes")
        shape = tuple(self._expect(_NUMBER, where) for _ in range(axes))
        dtype = self._text()
        length = self._expect(_BYTES, where)
        start = self._file.tell()
        if dtype not in _WIDTHS:
            raise self._damaged(f"{where} of dtype {shown(dtype)}, which is not known")
        if length != math.prod(shape) * _WIDTHS[dtype] or start + length != end:
            raise self._damaged(
                f"{where} of shape {shown(list(shape))} and dtype {dtype}, with {length} bytes"
            )
        if path in self.infos:
            raise self._damaged(f"has {shown(path)} twice")
        self.infos[path] = TensorInfo(shape, dtype, length, str(self._path))
        self.spans[path] = start, end
        self._skip(length)

    def _head(self) -> _Head:
        """Read what comes next, up to where its own bytes or values begin."""
        self._count += 1
        if self._count > _MOST_VALUES:
            raise self._damaged(f"has more than {_MOST_VALUES} values")
        first = self._bytes(1)[0]
        if first < 0x80:
            return _Head(_NUMBER, first)
        if first >= 0xE0:
            return _Head(_OTHER, 0)
        for begin, end, kind in _SHORT:
            if begin <= first < end:
                return _Head(kind, first - begin)
        if first in _SIZES:
            return _Head(*_SIZES[first])
        if first not in _KINDS:
            raise self._damaged(f"has byte {first:#x} where a value begins")
        kind, width = _KINDS[first]
        return _Head(kind, int.from_bytes(self._bytes(width), "big"))

    def _expect(self, wanted: int, where: str) -> int:
        kind, size = self._head()
        if kind != wanted:
            raise self._damaged(f"{where} without shape, dtype and bytes")
        return size

    def _text(self) -> str:
        kind, size = self._head()
        if kind != _TEXT or size > _LONGEST_TEXT:
            raise self._damaged("has a name that is no text, or a long one")
        return self._bytes(size).decode("utf-8", "backslashreplace")

    def _bytes(self, size: int) -> bytes:
        data = self._file.read(size)
        if len(data) < size:
            raise self._cut()
        return data

    def _skip(self, size: int) -> None:
        if self._file.tell() + size > self.size:
            raise self._cut()
        self._file.seek(size, os.SEEK_CUR)

    def _cut(self) -> CheckpointFormatError:
        return self._damaged("ends before the last value does: it was cut, fetch it again")

    def _damaged(self, what: str) -> CheckpointFormatError:
        return CheckpointFormatError(f"{shown(str(self._path))} {what}")
