"""Choose a checkpoint's weight files, and check them all before any tensor is read."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from automodel_core import registry
from automodel_core.checkpoint.formats.foreign import (
    framework_of,
    missing_reader,
    translation_of,
)
from automodel_core.checkpoint.formats.tensors import LazyTensors, ShardedTensors
from automodel_core.checkpoint.formats.translated import TranslatedTensors, TranslationOf
from automodel_core.checkpoint.places.file_names import NO_GGUF, expanded, plain_name
from automodel_core.checkpoint.places.json_files import MOST_BYTES_OF_TABLES, read_json
from automodel_core.checkpoint.places.source import CheckpointFiles
from automodel_core.errors import (
    CheckpointFormatError,
    CheckpointNotFoundError,
    InputError,
    PluginNotInstalledError,
    shown,
)
from automodel_core.registry import CheckpointFormat

__all__ = ["WeightFiles", "find_weights", "named_weight_file", "open_weights", "variant_name"]

INDEX = re.compile(r"\.index(\.[^.]+)?\.json$")
"""How the name of an index ends, that of a variant too."""


class WeightFiles:
    """The weight files of one checkpoint in one format.

    ``weight_map`` maps tensor names to shards, or is ``None`` for a single file, behind which
    ``names`` has those that it needs.
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
        self.asked_for: str | None = None
        """The framework that the caller asked for."""

    def open(self, **options: Any) -> LazyTensors:
        """Fetch the files, check each of them, and return their tensors without reading any.

        Those of another framework get torch's names and axes.
        """
        read: Callable[..., LazyTensors] = registry.resolve(self.format.reader)  # type: ignore[assignment]
        paths = self.files.require_all(self.names)
        if self.weight_map is None:
            tensors = read(paths[0], **options)
        else:
            shards = {
                name: read(path, **options) for name, path in zip(self.names, paths, strict=True)
            }
            tensors = ShardedTensors(shards, dict(self._places(self.weight_map, shards)))
        translation = self.translation(tensors.metadata)
        return tensors if translation is None else TranslatedTensors(tensors, translation)

    def translation(self, metadata: Mapping[str, str]) -> TranslationOf | None:
        """Return what translates the tensors, ``None`` for torch's; ``metadata`` are their notes.

        Raises `InputError` if they are not of the framework that the caller asked for.
        """
        framework = framework_of(self.format, metadata)
        if self.asked_for not in (None, framework):
            raise InputError(
                f"from_{self.asked_for}=True: {self.files.place} has none of these weights, and "
                f"{self.names[0]} holds others. Leave the argument out to take them"
            )
        return translation_of(self.format, framework, self.files.place)

    def _places(
        self, weight_map: dict[str, str], shards: dict[str, LazyTensors]
    ) -> Iterator[tuple[str, str]]:
        """Yield each tensor that the index has, as its shard calls it, and the shard."""
        for name, shard in weight_map.items():
            # TensorFlow's shards leave out the name of the model, which its index has.
            stored = next((n for n in (name, name.partition("/")[2]) if n in shards[shard]), None)
            if stored is None:
                raise CheckpointFormatError(
                    f"{self.files.place}: the index says that tensor {shown(name)} is in "
                    f"{shown(shard)}, and it is not: the shards are not of one save, fetch them "
                    "again"
                )
            yield stored, shard


def open_weights(
    files: CheckpointFiles,
    *,
    use_safetensors: bool | None = None,
    variant: str | None = None,
    framework: str | None = None,
    weight_file: str | None = None,
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
    weights = find_weights(
        files,
        use_safetensors=use_safetensors,
        variant=variant,
        framework=framework,
        weight_file=weight_file,
    )
    return weights.open(**({"disable_mmap": True} if disable_mmap else {}))


def find_weights(
    files: CheckpointFiles,
    *,
    use_safetensors: bool | None = None,
    variant: str | None = None,
    framework: str | None = None,
    weight_file: str | None = None,
) -> WeightFiles:
    """Choose the weight files: the format of highest priority, a whole file before shards.

    ``use_safetensors=True`` takes formats that can never run code, ``False`` the others.
    ``variant`` is the second part of names like ``model.fp16.safetensors``. ``framework`` takes
    only files of that framework, and safetensors, which may be of any; ``weight_file`` only the one
    that the caller named. Raises ``CheckpointNotFoundError`` with what was looked for and what is
    there.
    """
    if use_safetensors not in (None, True, False):
        raise InputError(
            f"use_safetensors must be True, False or None, got {shown(use_safetensors)}"
        )
    wanted: list[str] = []
    for form in _formats(use_safetensors, framework):
        if weight_file is not None:
            if _reads(form, weight_file):
                return _of_name(files, form, weight_file)
            continue
        names = [variant_name(form.weight_file, variant)]
        if form.index_file is not None:
            names.append(variant_name(form.index_file, variant))
        wanted += names
        present = next(filter(files.has, names), None) or _of_pattern(files, form)
        if present is not None and (
            framework in (None, form.framework) or missing_reader(files, framework) is None
        ):
            found = _of_name(files, form, present)
            found.asked_for = framework
            return found
    if use_safetensors is not False and (missing := missing_reader(files, framework)) is not None:
        raise PluginNotInstalledError(f"{files.place}: {missing}")
    raise CheckpointNotFoundError(
        f"{files.place} has no weights: looked for {', '.join(wanted) or 'nothing'}; "
        f"{files.present()}{_advice(files, use_safetensors, variant, framework)}"
    )


def named_weight_file(name: str | os.PathLike[str]) -> Path | None:
    """Return the weight file that the name of a checkpoint is, or ``None`` if it is another thing.

    TensorFlow's users name a checkpoint without the ending ``.index``, too.
    """
    path = expanded(name)
    for candidate in (path, path.with_name(f"{path.name}.index")):
        if candidate.is_file() and any(
            _reads(form, candidate.name) for form in registry.parts.by_priority(CheckpointFormat)
        ):
            return candidate
    return None


def variant_name(filename: str, variant: str | None) -> str:
    """Return the name of a variant's file: ``model.fp16.safetensors`` for ``fp16``."""
    if not variant:
        return filename
    if not isinstance(variant, str) or not variant.replace("-", "").replace("_", "").isalnum():
        raise InputError(f"variant must consist of letters, digits, - and _, got {shown(variant)}")
    stem, dot, ending = filename.rpartition(".")
    return f"{stem}.{variant}{dot}{ending}"


def _formats(use_safetensors: bool | None, framework: str | None) -> list[CheckpointFormat]:
    """Return the formats to look for, in their order."""
    found = [
        form
        for form in registry.parts.by_priority(CheckpointFormat)
        if use_safetensors is None or form.safe is use_safetensors
    ]
    if framework is None:
        return found
    any_framework = [form for form in found if form.name == "safetensors"]
    return [form for form in found if form.framework == framework] + any_framework


def _reads(form: CheckpointFormat, filename: str) -> bool:
    """Return whether a file of this name is one of a format, or the index of one."""
    ending = Path(form.weight_file).suffix
    if INDEX.search(filename):
        return form.index_file is not None and INDEX.sub("", filename).endswith(ending)
    return filename.endswith(ending)


def _of_pattern(files: CheckpointFiles, form: CheckpointFormat) -> str | None:
    """Return the one file whose name has the pattern of a format, ``None`` if there is none."""
    pattern = form.pattern
    if pattern is None:
        return None
    found = sorted(name for name in files.names() or () if fnmatchcase(name, pattern))
    if len(found) > 1:
        raise InputError(
            f"{files.place} has several checkpoints: give the path of one of {', '.join(found)}"
        )
    return next(iter(found), None)


def _of_name(files: CheckpointFiles, form: CheckpointFormat, name: str) -> WeightFiles:
    """Return a weight file with what it needs, or the shards that an index lists."""
    if INDEX.search(name):
        weight_map = _read_index(files, name)
        return WeightFiles(files, form, tuple(sorted(set(weight_map.values()))), weight_map)
    names = [name]
    if form.beside is not None:
        stem = name.rpartition(".")[0]
        names += sorted(
            other
            for other in files.names() or ()
            if other.startswith(stem) and fnmatchcase(other[len(stem) :], form.beside)
        )
    return WeightFiles(files, form, tuple(names))


def _advice(
    files: CheckpointFiles,
    use_safetensors: bool | None,
    variant: str | None,
    framework: str | None,
) -> str:
    names = files.names() or frozenset()
    if framework is not None:
        return f". Leave from_{framework}=True out to take the weights that there are"
    if variant and "model.safetensors" in names | {n.replace(f".{variant}", "") for n in names}:
        return ". Leave variant= out to take the usual weights"
    if use_safetensors is True and "pytorch_model.bin" in names:
        return ". Leave use_safetensors=True out to read pytorch_model.bin"
    if use_safetensors is False and "model.safetensors" in names:
        return ". Leave use_safetensors=False out to read model.safetensors"
    if any(name.endswith(".gguf") for name in names):
        return f". {NO_GGUF}"
    if "saved_model.pb" in names:
        return (
            ". saved_model.pb is a program of TensorFlow: save_pretrained of the model writes "
            "tf_model.h5, which can be read"
        )
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
