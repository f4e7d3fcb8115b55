"""The part of HDF5 that Keras writes: groups of names, and arrays that lie there as they are.

The format: https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html. Chunks, filters,
links and the newer kinds of groups are refused by name.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from automodel_core.errors import CheckpointFormatError, shown

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_UNDEFINED = (1 << 64) - 1
"""The address of what has no bytes."""
_MOST_OBJECTS = 20_000
_MOST_BYTES = 64_000_000
"""Of all that is read to learn where the arrays are."""
_LONGEST_NAME = 1024
_DEEPEST = 64
_DATASPACE, _DATATYPE, _LAYOUT, _CONTINUATION, _SYMBOLS = 0x01, 0x03, 0x08, 0x10, 0x11
_FLOATS = {(2, 5): "float16", (2, 8): "bfloat16", (4, 8): "float32", (8, 11): "float64"}
"""Names of floats, by the bytes of one and the bits of its exponent."""
_CLASSES = {3: "strings", 4: "bits", 5: "opaque values", 6: "records", 8: "an enumeration"}


class Dataset(NamedTuple):
    """An array: its shape, torch's name of its dtype, and where its bytes begin and end."""

    shape: tuple[int, ...]
    dtype: str
    span: tuple[int, int]


def datasets(file: BinaryIO, where: str) -> Iterator[tuple[tuple[str, ...], Dataset]]:
    """Yield the arrays of a file in the order of their names, each with the path to it.

    Raises `CheckpointFormatError` for what is damaged, and for what Keras does not write.
    """
    reader = _Reader(file, where)
    begin = reader.bytes_at(0, 72)
    if not begin.startswith(_SIGNATURE):
        raise CheckpointFormatError(
            f"{where} is no HDF5 file: it begins with {shown(begin[:8])}; fetch it again"
        )
    version, sizes = begin[8], begin[13:15]
    if version != 0 or sizes != b"\x08\x08":
        raise CheckpointFormatError(
            f"{where} has version {version} of HDF5's outer layout, and Keras writes version 0 "
            "with addresses of 8 bytes: save it again with Keras or h5py's usual settings"
        )
    yield from reader.walk(_number(begin[64:72]), ())


class _Reader:
    def __init__(self, file: BinaryIO, where: str) -> None:
        self._file = file
        self._where = where
        self._size = os.fstat(file.fileno()).st_size
        self._seen: set[int] = set()
        self._left = _MOST_BYTES

    def bytes_at(self, address: int, length: int) -> bytes:
        """Return bytes of the file, all that were asked for."""
        if address > self._size - length or length > self._left:
            raise self._damaged(f"{length} bytes at byte {address}")
        self._left -= length
        self._file.seek(address)
        data = self._file.read(length)
        if len(data) < length:
            raise self._damaged(f"{length} bytes at byte {address}")
        return data

    def walk(
        self, address: int, path: tuple[str, ...]
    ) -> Iterator[tuple[tuple[str, ...], Dataset]]:
        """Yield the arrays below an object, which is a group or an array itself."""
        self._enter(address)
        messages = dict(self._messages(address))
        if _SYMBOLS in messages:
            if len(path) >= _DEEPEST:
                raise self._damaged(f"{_DEEPEST} groups within each other")
            tree, heap = messages[_SYMBOLS][:8], messages[_SYMBOLS][8:16]
            for name, member in self._members(_number(tree), _number(heap)):
                yield from self.walk(member, (*path, name))
        elif _LAYOUT in messages:
            yield path, self._dataset(messages, "/".join(path))
        elif path:
            raise self._refused("/".join(path), "is a group of a newer kind, or no array")

    def _enter(self, address: int) -> None:
        """Note the address of an object or a node of a tree, of which each is reached once."""
        if address in self._seen or len(self._seen) >= _MOST_OBJECTS:
            raise self._damaged(f"byte {address} twice, or more than {_MOST_OBJECTS} objects")
        self._seen.add(address)

    def _messages(self, address: int) -> Iterator[tuple[int, bytes]]:
        """Yield kind and content of what an object's header says."""
        header = self.bytes_at(address, 16)
        if header[0] != 1:
            raise self._damaged(f"a header of version {header[0]} at byte {address}, not 1")
        count, size = _number(header[2:4]), _number(header[8:12])
        blocks = [(address + 16, size)]
        while blocks:
            start, length = blocks.pop()
            block, place = self.bytes_at(start, length), 0
            while place + 8 <= len(block) and count:
                kind, size = (
                    _number(block[place : place + 2]),
                    _number(block[place + 2 : place + 4]),
                )
                content = block[place + 8 : place + 8 + size]
                if len(content) < size:
                    raise self._damaged(f"a message at byte {start + place}")
                place, count = place + 8 + size, count - 1
                if kind == _CONTINUATION and size >= 16:
                    blocks.append((_number(content[:8]), _number(content[8:16])))
                yield kind, content

    def _members(self, tree: int, heap: int) -> Iterator[tuple[str, int]]:
        """Yield name and address of each object in a group."""
        start = self.bytes_at(heap, 32)
        if not start.startswith(b"HEAP"):
            raise self._damaged(f"no names at byte {heap}")
        names, size = _number(start[24:32]), _number(start[8:16])
        for leaf in self._leaves(tree, 0):
            head = self.bytes_at(leaf, 8)
            if not head.startswith(b"SNOD"):
                raise self._damaged(f"no list of members at byte {leaf}")
            count = _number(head[6:8])
            entries = self.bytes_at(leaf + 8, 40 * count)
            for entry in (entries[place : place + 40] for place in range(0, 40 * count, 40)):
                offset = _number(entry[:8])
                text = self.bytes_at(names + offset, max(0, min(_LONGEST_NAME, size - offset)))
                name, end, _ = text.partition(b"\0")
                if not end or not name:
                    raise self._damaged(f"a name at byte {names + offset}")
                yield name.decode("utf-8", "backslashreplace"), _number(entry[8:16])

    def _leaves(self, address: int, depth: int) -> Iterator[int]:
        """Yield the addresses of the lists of members that a tree leads to."""
        self._enter(address)
        head = self.bytes_at(address, 24)
        level, count = head[5], _number(head[6:8])
        if not head.startswith(b"TREE") or head[4] != 0 or depth > _DEEPEST:
            raise self._damaged(f"no tree of names at byte {address}")
        keys = self.bytes_at(address + 24, 16 * count)
        for place in range(8, 16 * count, 16):
            child = _number(keys[place : place + 8])
            if level:
                yield from self._leaves(child, depth + 1)
            else:
                self._enter(child)
                yield child

    def _dataset(self, messages: dict[int, bytes], name: str) -> Dataset:
        """Return an array, whose shape, dtype and bytes must agree."""
        space, kind, layout = (
            messages.get(message, b"") for message in (_DATASPACE, _DATATYPE, _LAYOUT)
        )
        if len(space) < 8 or space[0] != 1 or len(space) < 8 + 8 * space[1]:
            raise self._refused(name, "has a shape in a form that is not known")
        shape = tuple(_number(space[8 + 8 * axis :][:8]) for axis in range(space[1]))
        dtype, width = self._dtype(kind, name)
        if layout[:2] != b"\3\1" or len(layout) < 18:
            form = {0: "compact", 2: "chunked"}.get(layout[1] if len(layout) > 1 else -1, "unknown")
            raise self._refused(
                name, f"is stored in a {form} layout, and Keras writes whole arrays"
            )
        address, size = _number(layout[2:10]), _number(layout[10:18])
        needed = math.prod(shape) * width
        if address == _UNDEFINED and not needed:
            address = size = 0
        if size != needed or address + size > self._size:
            raise CheckpointFormatError(
                f"{self._where}, tensor {shown(name)}: shape {shown(list(shape))} of {dtype} needs "
                f"{needed} bytes, and {size} lie at byte {address} of {self._size}: the file was "
                "cut or changed, fetch it again"
            )
        return Dataset(shape, dtype, (address, address + size))

    def _dtype(self, kind: bytes, name: str) -> tuple[str, int]:
        """Return torch's name of a dtype, and the bytes of an element."""
        if len(kind) < 16:
            raise self._refused(name, "has a type in a form that is not known")
        group, width = kind[0] & 15, _number(kind[4:8])
        if group > 1 or kind[1] & 1:
            what = _CLASSES.get(group, "values of another kind") if group > 1 else "big-endian data"
            raise self._refused(name, f"holds {what}, not numbers as torch has them")
        if group == 0:
            signed = kind[1] & 8
            found = f"{'' if signed else 'u'}int{8 * width}" if width in (1, 2, 4, 8) else None
        else:
            found = _FLOATS.get((width, kind[13]))
        if found is None:
            raise self._refused(name, f"holds numbers of {width} bytes, which torch has not")
        return found, width

    def _damaged(self, what: str) -> CheckpointFormatError:
        return CheckpointFormatError(
            f"{self._where} is damaged or cut: it speaks of {what}; fetch it again"
        )

    def _refused(self, name: str, why: str) -> CheckpointFormatError:
        return CheckpointFormatError(f"{self._where}, tensor {shown(name)} {why}")


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")
