"""Weights of Keras models: ``tf_model.h5``, or shards of it.

A whole file has a group for each layer of the model, and in it the variables of that layer by their
full names: what two layers share lies in the file twice. A shard has the variables alone, most of
them without the name of the model before theirs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import torch

from automodel_core.checkpoint import FileHeader, MappedTensors, TensorInfo
from automodel_core.errors import CheckpointFormatError, shown
from automodel_tensorflow.hdf5 import datasets

_SHARD = re.compile(r"-\d{5}-of-\d{5}\.h5$")
_OF_KERAS_3 = "vars"
"""The group of a layer's variables in such files."""

Span = tuple[int, int]


class KerasFile(MappedTensors):
    """The variables of one file; the copies of a shared one must be equal."""

    copies: Mapping[str, list[Span]]

    def check(self, name: str) -> None:
        for begin, end in self.copies.get(name, ()):
            pairs = zip(
                self.chunks(*self.span(name), what=name),
                self.chunks(begin, end, what=name),
                strict=True,
            )
            if not all(torch.equal(first, other) for first, other in pairs):
                raise CheckpointFormatError(
                    f"{shown(str(self.path))}, tensor {shown(name)}: it is stored once for each "
                    "layer that shares it, with values that differ: the file is damaged, fetch it "
                    "again"
                )


def open_h5(path: str | os.PathLike[str], *, disable_mmap: bool = False, **_: Any) -> KerasFile:
    """Open a file of weights after checking where its arrays lie; names lack the model's."""
    copies: dict[str, list[Span]] = {}

    def parse(file: BinaryIO, path: Path) -> FileHeader:
        where = shown(str(path))
        infos: dict[str, TensorInfo] = {}
        spans: dict[str, Span] = {}
        for parts, found in datasets(file, where):
            if _OF_KERAS_3 in parts[:-1]:
                raise CheckpointFormatError(
                    f"{where} was written by Keras 3, whose names are paths of Python attributes: "
                    "save_pretrained of a model of transformers writes tf_model.h5"
                )
            name = "/".join(parts if _SHARD.search(path.name) else _without_layer(parts))
            begin, end = found.span
            info = TensorInfo(found.shape, found.dtype, end - begin, str(path))
            if infos.setdefault(name, info) != info:
                raise CheckpointFormatError(
                    f"{where}, tensor {shown(name)}: it is stored twice, as {shown(info[:2])} and "
                    f"as {shown(infos[name][:2])}"
                )
            if name in spans:
                copies.setdefault(name, []).append(found.span)
            spans.setdefault(name, found.span)
        return FileHeader(infos, spans, {}, os.fstat(file.fileno()).st_size)

    opened = KerasFile.open(path, parse, disable_mmap=disable_mmap)
    opened.copies = copies
    return opened


def _without_layer(path: tuple[str, ...]) -> tuple[str, ...]:
    """Return a variable's name without the layer's group, and without the model's name."""
    return path[2:] or path[-1:]
