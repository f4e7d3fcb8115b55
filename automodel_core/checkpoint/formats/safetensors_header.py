"""Headers of safetensors files: what a file says it holds, believed only after it was checked.

The format: 8 bytes with the length of the header, the header in JSON, the data. The data must be
covered by the tensors without gaps and without overlap, and end where the file ends.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

from automodel_core.checkpoint.formats.header import FileHeader, TensorInfo, open_file
from automodel_core.checkpoint.places.json_files import parse_json
from automodel_core.checkpoint.places.source import HeaderEntry
from automodel_core.errors import CheckpointFormatError, shown

__all__ = [
    "DTYPES",
    "check_tensors",
    "parse_header",
    "read_header",
]

MAX_HEADER_BYTES = 100_000_000
"""The limit that the format sets."""

DTYPES: Mapping[str, tuple[str, int]] = {
    "BOOL": ("bool", 8),
    "F4": ("float4_e2m1fn_x2", 4),
    "F6_E2M3": ("float6_e2m3fn", 6),
    "F6_E3M2": ("float6_e3m2fn", 6),
    "U8": ("uint8", 8),
    "I8": ("int8", 8),
    "F8_E5M2": ("float8_e5m2", 8),
    "F8_E4M3": ("float8_e4m3fn", 8),
    "F8_E8M0": ("float8_e8m0fnu", 8),
    "F8_E5M2FNUZ": ("float8_e5m2fnuz", 8),
    "F8_E4M3FNUZ": ("float8_e4m3fnuz", 8),
    "I16": ("int16", 16),
    "U16": ("uint16", 16),
    "F16": ("float16", 16),
    "BF16": ("bfloat16", 16),
    "I32": ("int32", 32),
    "U32": ("uint32", 32),
    "F32": ("float32", 32),
    "C64": ("complex64", 64),
    "F64": ("float64", 64),
    "I64": ("int64", 64),
    "U64": ("uint64", 64),
}
"""The dtypes of the format, each with torch's name for it and its size in bits."""

_KEYS = {"dtype", "shape", "data_offsets"}


def read_header(path: str | os.PathLike[str]) -> FileHeader:
    """Read and check the header of a file; ``CheckpointFormatError`` says what does not agree."""
    with open_file(Path(path)) as file:
        return parse_header(file, Path(path))


def parse_header(file: BinaryIO, path: Path) -> FileHeader:
    """Read and check the header of an open file; ``path`` names it in messages."""
    where = shown(str(path))
    size = os.fstat(file.fileno()).st_size
    begin = file.read(8)
    length = int.from_bytes(begin, "little")
    if len(begin) < 8 or length > min(size - 8, MAX_HEADER_BYTES):
        raise CheckpointFormatError(
            f"{where} is not a safetensors file, or is cut: it has {size} bytes, and "
            f"begins with {shown(begin)} where the length of a header should be"
        )
    raw = file.read(length)
    if len(raw) < length or not raw.startswith(b"{"):
        raise CheckpointFormatError(f"{where} is not a safetensors file: its header is not JSON")
    fields = parse_json(raw, str(path), unique_keys=True)
    metadata = fields.pop("__metadata__", None) or {}
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise CheckpointFormatError(
            f"{where}: __metadata__ must map strings to strings, got {shown(metadata)}"
        )
    tensors, spans = check_tensors(
        ((name, *_entry(name, field, where)) for name, field in fields.items()),
        str(path),
        data_start=8 + length,
        file_size=size,
    )
    return FileHeader(tensors, spans, metadata, size)


def _entry(name: str, field: Any, where: str) -> tuple[str, list[int], tuple[int, int]]:
    """Return dtype, shape and offsets of one header entry, as they stand there."""
    if isinstance(field, dict) and field.keys() == _KEYS:
        dtype, shape, offsets = field["dtype"], field["shape"], field["data_offsets"]
        lists = isinstance(shape, list) and isinstance(offsets, list) and len(offsets) == 2
        if isinstance(dtype, str) and lists and _are_sizes([*shape, *offsets]):
            return dtype, shape, (offsets[0], offsets[1])
    raise CheckpointFormatError(
        f"{where}, tensor {shown(name)}: the header says {shown(field)}; dtype, shape and two "
        "data_offsets were expected"
    )


def _are_sizes(numbers: list[Any]) -> bool:
    return {*map(type, numbers)} == {int} and min(numbers) >= 0


def check_tensors(
    entries: Iterable[HeaderEntry],
    file: str,
    *,
    data_start: int = 0,
    file_size: int | None = None,
) -> tuple[dict[str, TensorInfo], dict[str, tuple[int, int]]]:
    """Check that dtypes, shapes and offsets agree with each other and with the size of the file.

    Returns the tensors and their spans, counted from ``data_start`` on. ``file_size`` is ``None``
    for a file of which only the header was fetched.
    """
    where = shown(file)
    tensors: dict[str, TensorInfo] = {}
    spans: dict[str, tuple[int, int]] = {}
    for name, dtype, shape, (begin, end) in entries:
        if dtype not in DTYPES:
            raise CheckpointFormatError(
                f"{where}, tensor {shown(name)}: unknown dtype {shown(dtype)}; the format knows "
                f"{', '.join(DTYPES)}"
            )
        torch_name, bits = DTYPES[dtype]
        needed = prod(shape) * bits
        if end - begin != needed // 8 or needed % 8:
            raise CheckpointFormatError(
                f"{where}, tensor {shown(name)}: shape {shown(shape)} of {dtype} needs "
                f"{needed // 8} bytes, and the offsets span {end - begin}"
            )
        if bits == 4:
            if not shape or shape[-1] % 2:
                raise CheckpointFormatError(
                    f"{where}, tensor {shown(name)}: the last dimension of shape {shown(shape)} "
                    "must be even, because two F4 values share a byte"
                )
            shape = [*shape[:-1], shape[-1] // 2]
        tensors[name] = TensorInfo(tuple(shape), torch_name, end - begin, file)
        spans[name] = (data_start + begin, data_start + end)
    reached = data_start
    for begin, end, name in sorted((*span, name) for name, span in spans.items()):
        if begin != reached:
            fault = "overlaps another" if begin < reached else "leaves a hole before it"
            raise CheckpointFormatError(
                f"{where}, tensor {shown(name)}: its data at byte {begin} {fault}; the data "
                f"before it ends at byte {reached}"
            )
        reached = end
    if file_size is not None and reached != file_size:
        raise CheckpointFormatError(
            f"{where} has {file_size} bytes, and its header speaks of {reached}: the file was "
            f"{'cut' if file_size < reached else 'changed'}, fetch it again"
        )
    return tensors, spans
