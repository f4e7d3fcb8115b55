"""Weights of Flax models: ``flax_model.msgpack``, maps of names that end in arrays.

The format is MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md); an array is its
extension type 1, in which shape, dtype and bytes are packed once more.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from automodel_core.checkpoint import FileHeader, JoinedTensors, LazyTensors, MappedTensors, Parts
from automodel_flax.arrays import ArrayReader

_COLLECTIONS = ("params", "batch_stats")
"""What belongs to the model, in files that hold the state of a training or batch norms."""


def open_msgpack(
    path: str | os.PathLike[str], *, disable_mmap: bool = False, **_: Any
) -> LazyTensors:
    """Open a file after checking where its arrays lie; levels of names are joined by ``/``."""
    joined: dict[str, Parts] = {}

    def parse(file: BinaryIO, path: Path) -> FileHeader:
        reader = ArrayReader(file, path)
        reader.read()
        names = set(_of_the_model(reader.infos))
        joined.update((name, parts) for name, parts in reader.joined() if parts.names[0] in names)
        infos = {name: info for name, info in reader.infos.items() if name in names}
        return FileHeader(infos, reader.spans, {}, reader.size)

    opened = MappedTensors.open(path, parse, disable_mmap=disable_mmap)
    return JoinedTensors(opened, joined) if joined else opened


def _of_the_model(names: Mapping[str, object]) -> list[str]:
    """Return the names without those of an optimizer's state."""
    collections = {name: name.partition("/")[0] for name in names}
    if "params" not in collections.values():
        return list(names)
    return [name for name, collection in collections.items() if collection in _COLLECTIONS]
