"""Choose a checkpoint's weight files, and check them all before any tensor is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from automodel_core import registry
from automodel_core.checkpoint.formats.tensors import LazyTensors, ShardedTensors
from automodel_core.checkpoint.places.file_names import NO_GGUF, plain_name
from automodel_core.checkpoint.places.json_files import MOST_BYTES_OF_TABLES, read_json
from automodel_core.checkpoint.places.source import CheckpointFiles
from automodel_core.errors import (
    CheckpointFormatError,
    CheckpointNotFoundError,
    InputError,
    shown,
)
from automodel_core.registry import CheckpointFormat

__all__ = ["WeightFiles", "find_weights", "open_weights", "variant_name"]


class WeightFiles:
    """The weight files of one checkpoint in one format.

    ``weight_map`` maps tensor names to shards, or is ``None`` for a single file.
    """

    def __init__(
        self,
        files: CheckpointFiles,
        form: CheckpointFormat,
        names: tuple[str, ...],
        weight_map: dict[str, str] | None = None,
    ) -> None:
        self.files = files
        self.format = form
        self.names = names
        self.weight_map = weight_map

    def open(self, **options: Any) -> LazyTensors:
        """Fetch the files, check each of them, and return their tensors without reading any."""
        read: Callable[..., LazyTensors] = registry.resolve(self.format.reader)  # type: ignore[assignment]
        paths = self.files.require_all(self.names)
        if self.weight_map is None:
            return read(paths[0], **options)
        shards = {name: read(path, **options) for name, path in zip(self.names, paths, strict=True)}
        for name, shard in self.weight_map.items():
            if name not in shards[shard]:
                raise CheckpointFormatError(
                    f"{self.files.place}: the index says that tensor {shown(name)} is in "
                    f"{shown(shard)}, and it is not: the shards are not of one save, fetch them "
                    "again"
                )
        return ShardedTensors(shards, self.weight_map)


def open_weights(
    files: CheckpointFiles,
    *,
    use_safetensors: bool | None = None,
    variant: str | None = None,
    weights_only: bool = True,
    disable_mmap: bool | None = None,
) -> LazyTensors:
    """Open the weights of a checkpoint; every shard must be present and valid.

    See `find_weights` for the choice of the file. ``disable_mmap`` reads tensors into memory of
    their own, which nobody can change who writes to the file.
    """
    if not weights_only:
        raise InputError(
            "weights_only=False would run code from the checkpoint, which never happens here"
        )
    weights = find_weights(files, use_safetensors=use_safetensors, variant=variant)
    return weights.open(**({"disable_mmap": True} if disable_mmap else {}))


def find_weights(
    files: CheckpointFiles, *, use_safetensors: bool | None = None, variant: str | None = None
) -> WeightFiles:
    """Choose the weight files: the format of highest priority, a whole file before shards.

    ``use_safetensors=True`` takes formats that can never run code, ``False`` the others.
    ``variant`` is the second part of names like ``model.fp16.safetensors``. Raises
    ``CheckpointNotFoundError`` with what was looked for and what is there.
    """
    if use_safetensors not in (None, True, False):
        raise InputError(
            f"use_safetensors must be True, False or None, got {shown(use_safetensors)}"
        )
    wanted: list[str] = []
    for form in registry.parts.by_priority(CheckpointFormat):
        if use_safetensors is not None and form.safe is not use_safetensors:
            continue
        whole = variant_name(form.weight_file, variant)
        wanted.append(whole)
        if files.has(whole):
            return WeightFiles(files, form, (whole,))
        if form.index_file is not None:
            index = variant_name(form.index_file, variant)
            wanted.append(index)
            if files.has(index):
                weight_map = _read_index(files, index)
                shards = tuple(sorted(set(weight_map.values())))
                return WeightFiles(files, form, shards, weight_map)
    raise CheckpointNotFoundError(
        f"{files.place} has no weights: looked for {', '.join(wanted) or 'nothing'}; "
        f"{files.present()}{_advice(files, use_safetensors, variant)}"
    )


def variant_name(filename: str, variant: str | None) -> str:
    """Return the name of a variant's file: ``model.fp16.safetensors`` for ``fp16``."""
    if not variant:
        return filename
    if not isinstance(variant, str) or not variant.replace("-", "").replace("_", "").isalnum():
        raise InputError(f"variant must consist of letters, digits, - and _, got {shown(variant)}")
    stem, dot, ending = filename.rpartition(".")
    return f"{stem}.{variant}{dot}{ending}"


def _advice(files: CheckpointFiles, use_safetensors: bool | None, variant: str | None) -> str:
    names = files.names() or frozenset()
    if variant and "model.safetensors" in names | {n.replace(f".{variant}", "") for n in names}:
        return ". Leave variant= out to take the usual weights"
    if use_safetensors is True and "pytorch_model.bin" in names:
        return ". Leave use_safetensors=True out to read pytorch_model.bin"
    if use_safetensors is False and "model.safetensors" in names:
        return ". Leave use_safetensors=False out to read model.safetensors"
    if any(name.endswith(".gguf") for name in names):
        return f". {NO_GGUF}"
    foreign = sorted({"tf_model.h5", "flax_model.msgpack"} & names)
    if foreign:
        return f". {foreign[0]} belongs to another framework and needs a plugin that reads it"
    return ""


def _read_index(files: CheckpointFiles, index: str) -> dict[str, str]:
    """Return the map from tensors to shards, every shard a plain name of an existing file."""
    path = files.require(index)
    values = read_json(path, max_bytes=MOST_BYTES_OF_TABLES, unique_keys=True)
    weight_map = values.get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise CheckpointFormatError(
            f"{shown(str(path))}: weight_map must map tensor names to files, got "
            f"{shown(weight_map)}"
        )
    where = f"weight_map of {shown(str(path))}"
    for name, shard in weight_map.items():
        plain_name(shard, f"{where}, key {shown(name)}")
    return weight_map
