"""Checkpoints of TensorFlow 1: an index ``NAME.index``, and data files beside it.

The index is a table as LevelDB writes it: blocks of sorted keys and values, of which the last says
where the others are. Keys are names of tensors; values say where each lies in which data file.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from automodel_core.checkpoint import (
    FileHeader,
    JoinedTensors,
    LazyTensors,
    MappedTensors,
    ShardedTensors,
    TensorInfo,
    open_file,
)
from automodel_core.errors import CheckpointFormatError, CheckpointNotFoundError, shown
from automodel_tensorflow.checksums import checksum, checksum_of
from automodel_tensorflow.protobuf import fields, varint
from automodel_tensorflow.slices import joined_slices, slice_of

_FOOTER = 48
_MAGIC = bytes.fromhex("57fb808b247547db")
_MOST_BYTES = 16_000_000
_MOST_TENSORS = 50_000
_LONGEST_KEY = 4096
_PIECE = 1 << 20
"""So many bytes at a time are compared with a checksum."""
_DTYPES: Mapping[int, tuple[str, int]] = {
    1: ("float32", 4),
    2: ("float64", 8),
    3: ("int32", 4),
    4: ("uint8", 1),
    5: ("int16", 2),
    6: ("int8", 1),
    9: ("int64", 8),
    10: ("bool", 1),
    14: ("bfloat16", 2),
    19: ("float16", 2),
}
"""TensorFlow's numbers of dtypes, with torch's name and the bytes of an element."""
_OBJECTS = "_CHECKPOINTABLE_OBJECT_GRAPH"
_HEADER = b""


class Entry(NamedTuple):
    """What the index says of a tensor; with slices, it has no bytes of its own."""

    dtype: int
    shape: tuple[int, ...]
    file: int
    offset: int
    size: int
    checksum: int
    is_sliced: bool


class DataFile(MappedTensors):
    """One data file, whose tensors are compared with their checksums."""

    checksums: Mapping[str, int]

    def check(self, name: str) -> None:
        found = checksum_of(self.stored_bytes(name, _PIECE))
        if found != self.checksums[name]:
            raise CheckpointFormatError(
                f"{shown(str(self.path))}, tensor {shown(name)}: its checksum is {found:#010x}, "
                f"and the index says {self.checksums[name]:#010x}: the file is damaged"
            )


def open_bundle(
    path: str | os.PathLike[str], *, disable_mmap: bool = False, **_: Any
) -> LazyTensors:
    """Open a checkpoint by its index, after checking that and the sizes of the data files."""
    path = Path(path)
    where = shown(str(path))
    with open_file(path) as file:
        table = _table(file, where)
    try:
        count = _data_files(table.pop(_HEADER))
        slices = [(_name(key), *slice_of(key)) for key in table if key.startswith(b"\0")]
        entries = {_name(key): _entry(value) for key, value in table.items()}
    except (KeyError, IndexError, ValueError) as error:
        raise CheckpointFormatError(f"{where} is damaged: {error}; fetch it again") from error
    if _OBJECTS in entries:
        raise CheckpointFormatError(
            f"{where} is a checkpoint of objects (tf.train.Checkpoint, or a SavedModel), whose "
            "names are those of Python attributes: save_pretrained of the TensorFlow model writes "
            "tf_model.h5, which can be read"
        )
    stored: dict[int, dict[str, Entry]] = {}
    for name, entry in entries.items():
        if entry.dtype in _DTYPES and not entry.is_sliced:
            stored.setdefault(entry.file, {})[name] = entry
    files: dict[str, LazyTensors] = {}
    for number, tensors in sorted(stored.items()):
        data = path.with_name(f"{path.stem}.data-{number:05}-of-{count:05}")
        files[data.name] = _open_data(data, tensors, disable_mmap=disable_mmap)
    found = files.popitem()[1] if len(files) == 1 else ShardedTensors(files, {})
    shapes = {name: entry.shape for name, entry in entries.items() if entry.is_sliced}
    if not shapes and not slices:
        return found
    return JoinedTensors(found, joined_slices(shapes, slices, where))


def _open_data(path: Path, entries: Mapping[str, Entry], *, disable_mmap: bool) -> DataFile:
    def parse(file: BinaryIO, path: Path) -> FileHeader:
        size = os.fstat(file.fileno()).st_size
        infos, spans = {}, {}
        for name, entry in entries.items():
            dtype, width = _DTYPES[entry.dtype]
            end = entry.offset + entry.size
            if entry.size != math.prod(entry.shape) * width or end > size:
                raise CheckpointFormatError(
                    f"{shown(str(path))}, tensor {shown(name)}: shape {shown(list(entry.shape))} "
                    f"of {dtype} needs {math.prod(entry.shape) * width} bytes, and the index says "
                    f"{entry.size} from byte {entry.offset} on, in a file of {size}: the files are "
                    "not of one save, or cut"
                )
            infos[name] = TensorInfo(entry.shape, dtype, entry.size, str(path))
            spans[name] = entry.offset, end
        return FileHeader(infos, spans, {}, size)

    try:
        data = DataFile.open(path, parse, disable_mmap=disable_mmap)
    except CheckpointNotFoundError as error:
        raise CheckpointNotFoundError(f"{error}, which the index beside it needs") from None
    data.checksums = {name: entry.checksum for name, entry in entries.items()}
    return data


def _table(file: BinaryIO, where: str) -> dict[bytes, bytes]:
    """Return the keys and values of a table."""
    size = os.fstat(file.fileno()).st_size
    if size > _MOST_BYTES:
        raise CheckpointFormatError(
            f"{where} has {size} bytes, more than any index of a checkpoint: give the file that "
            "ends in .index"
        )
    data = file.read()
    if len(data) < _FOOTER or not data.endswith(_MAGIC):
        raise CheckpointFormatError(
            f"{where} is no index of a TensorFlow checkpoint, or is cut: it has {len(data)} bytes "
            f"and ends in {shown(data[-8:])}"
        )
    footer = data[-_FOOTER:]
    table: dict[bytes, bytes] = {}
    count = 0
    try:
        place = 0
        for _ in range(2):  # of the block that says how the table was made, which is empty
            _, place = varint(footer, place)
        handle = footer[place:]
        for _, block in _entries(_block(data, handle, where)):
            for key, value in _entries(_block(data, block, where)):
                table[key] = value
                count += 1
                if count > _MOST_TENSORS:
                    raise ValueError(f"it has more than {_MOST_TENSORS} tensors")
    except (IndexError, ValueError) as error:
        raise CheckpointFormatError(f"{where} is damaged: {error}; fetch it again") from error
    return table


def _block(data: bytes, handle: bytes, where: str) -> bytes:
    """Return a block's entries, after comparing its checksum; ``handle`` says where it is."""
    start, place = varint(handle, 0)
    length, _ = varint(handle, place)
    end = start + length
    if end + 5 > len(data) - _FOOTER or length < 4:
        raise ValueError(f"a block of {length} bytes at byte {start}")
    if data[end]:
        raise CheckpointFormatError(
            f"{where} is compressed, as in the format before TensorFlow 0.12: save the checkpoint "
            "with a newer one"
        )
    if checksum(data[start : end + 1]) != int.from_bytes(data[end + 1 : end + 5], "little"):
        raise ValueError(f"the block at byte {start} has another checksum")
    restarts = int.from_bytes(data[end - 4 : end], "little")
    if 4 * restarts + 4 > length:
        raise ValueError(f"the block at byte {start} has {restarts} restarts")
    return data[start : end - 4 * restarts - 4]


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield keys and values of a block; a key shares its beginning with the one before it."""
    key, place = b"", 0
    while place < len(block):
        shared, place = varint(block, place)
        own, place = varint(block, place)
        length, place = varint(block, place)
        end = place + own + length
        if shared > len(key) or shared + own > _LONGEST_KEY or end > len(block):
            raise ValueError(f"the entry at byte {place} of a block")
        key = key[:shared] + block[place : place + own]
        yield key, block[place + own : end]
        place = end


def _data_files(header: bytes) -> int:
    """Return the number of data files."""
    values = dict(fields(header))
    if values.get(2, 0):
        raise ValueError("its data are big-endian")
    count = values.get(1, 0)
    if not isinstance(count, int):
        raise ValueError("its header says no number of data files")
    return count


def _name(key: bytes) -> str:
    return key.decode("utf-8", "backslashreplace")


def _entry(value: bytes) -> Entry:
    """Return what a value says; numbers that are zero are left out there."""
    numbers = dict.fromkeys((1, 3, 4, 5), 0)
    shape: list[int] = []
    checksum, is_sliced = 0, False
    for number, content in fields(value):
        if number in numbers and isinstance(content, int):
            numbers[number] = content
        elif number == 2 and isinstance(content, bytes):
            shape = [_size(inner) for key, inner in fields(content) if key == 2]
        elif number == 6 and isinstance(content, bytes):
            checksum = int.from_bytes(content, "little")
        elif number == 7:
            is_sliced = True
    dtype, file, offset, size = numbers.values()
    return Entry(dtype, tuple(shape), file, offset, size, checksum, is_sliced)


def _size(dimension: int | bytes) -> int:
    found = dict(fields(dimension)).get(1, 0) if isinstance(dimension, bytes) else -1
    if not isinstance(found, int) or not 0 <= found < 1 << 48:
        raise ValueError("a dimension is no number")
    return found
