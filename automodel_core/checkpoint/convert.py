"""Write a checkpoint anew, with safetensors in another dtype or in shards of another size."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from automodel_core.checkpoint.formats.choice import WeightFiles, find_weights, variant_name
from automodel_core.checkpoint.formats.translated import TranslatedTensors
from automodel_core.checkpoint.places.config_file import CONFIG_FILE
from automodel_core.checkpoint.places.exchange import exchange_files
from automodel_core.checkpoint.places.files import CheckpointFiles
from automodel_core.checkpoint.places.folder import LocalFiles
from automodel_core.checkpoint.places.json_files import json_bytes, read_json
from automodel_core.checkpoint.save import WeightsToSave
from automodel_core.errors import InputError, shown

__all__ = ["Conversion", "Converted", "convert_files"]

WEIGHTS = tuple(
    ".bin .safetensors .h5 .msgpack .ot .pt .pth .ckpt .onnx .gguf .index.json .index .meta".split()
)
"""How names of weight files end: they are not copied."""
TOKENIZER_FILE = "tokenizer_config.json"
TEMPLATES = "additional_chat_templates"


@dataclass(frozen=True)
class Conversion:
    """What to write.

    ``dtype`` is for weights with a point, ``None`` leaves them as they are; where ``in_fp32`` says
    so of a hub name, float16 becomes float32. ``tied`` maps hub names to those of the weights that
    they share: of these one is written. Others are written each, also those that share memory.
    ``hub_names`` returns the hub's names of weights that another framework calls otherwise.
    """

    dtype: torch.dtype | None = None
    variant: str | None = None
    max_shard_size: int | str = "5GB"
    tied: Mapping[str, str] = field(default_factory=dict)
    in_fp32: Callable[[str], bool] = lambda name: False
    hub_names: Callable[[Iterable[str]], Mapping[str, str]] = lambda names: {}
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Converted:
    """The files of weights that were written, and the others; ``count`` is the number of weights.

    In place the others stay where they are.
    """

    written: list[str]
    copied: list[str]
    count: int


def convert_files(
    files: CheckpointFiles,
    folder: Path,
    conversion: Conversion,
    *,
    source_variant: str | None = None,
    weight_file: str | None = None,
    started: Callable[[int], object] = lambda total: None,
    progress: Callable[[int], object] = lambda count: None,
) -> Converted:
    """Write the checkpoint of ``files`` into a folder, with all else that loads read, in one step.

    If it is their own folder, the new weights take the place of those of the same variant, and
    other files stay. ``weight_file`` is the one to convert, where there are several. ``started`` is
    told how many bytes there are to write, ``progress`` of each
    piece.
    """
    weights = find_weights(files, variant=source_variant, weight_file=weight_file)
    tensors = weights.open()
    names = conversion.hub_names(tensors) if isinstance(tensors, TranslatedTensors) else {}
    state = {names.get(name, name): tensors.tensor(name) for name in tensors}
    ready = WeightsToSave(
        state,
        max_shard_size=conversion.max_shard_size,
        variant=conversion.variant,
        metadata=conversion.metadata,
        tied=conversion.tied,
        dtypes=_dtypes(state, conversion),
    )
    in_place = isinstance(files, LocalFiles) and folder.exists() and folder.samefile(files.folder)
    replaces = not in_place or conversion.variant == source_variant
    started(ready.nbytes)
    with exchange_files(folder) as exchange:
        written = ready.write(exchange, progress)
        copied = (
            _others(files, weights.names)
            if in_place
            else _copy(files, exchange.staging, weights.names)
        )
        if conversion.dtype is not None and replaces and files.has(CONFIG_FILE):
            values = _with_dtype(read_json(files.require(CONFIG_FILE)), conversion.dtype)
            (exchange.staging / CONFIG_FILE).unlink(missing_ok=True)
            exchange.write(CONFIG_FILE, json_bytes(values, CONFIG_FILE))
        if in_place and replaces:
            exchange.remove(name for name in _all_names(weights, source_variant) - {*written})
    if not in_place:
        copied += _copy_folders(files, folder)
    return Converted(written, copied, len(state))


def _dtypes(state: Mapping[str, torch.Tensor], conversion: Conversion) -> dict[str, torch.dtype]:
    """Return the dtypes of the weights that are cast."""
    if conversion.dtype is None:
        return {}
    found = {}
    for name, tensor in state.items():
        if tensor.is_floating_point():
            if tensor.dtype.itemsize == 1:
                raise InputError(
                    f"weight {shown(name)} is stored as {tensor.dtype}, whose numbers need a scale "
                    "to become others: convert without a dtype, or load the checkpoint with "
                    "dequantize=True and save the model"
                )
            wide = conversion.dtype is torch.float16 and conversion.in_fp32(name)
            found[name] = torch.float32 if wide else conversion.dtype
    return found


def _all_names(weights: WeightFiles, variant: str | None) -> set[str]:
    """Return the names of weight files, and that of their index."""
    index = weights.format.index_file
    return {*weights.names, *([variant_name(index, variant)] if index is not None else [])}


def _others(files: CheckpointFiles, weights: Sequence[str]) -> list[str]:
    names = set(files.names() or ()) - {*weights}
    return sorted(name for name in names if not name.endswith(WEIGHTS))


def _copy(files: CheckpointFiles, target: Path, weights: Sequence[str] = ()) -> list[str]:
    """Copy all files but weights, and return their names."""
    names = _others(files, weights)
    for name in names:
        shutil.copyfile(files.require(name), target / name)
    return names


def _copy_folders(files: CheckpointFiles, target: Path) -> list[str]:
    """Copy the folders of chat templates and of further tokenizers, and return the files' names."""
    copied = []
    for name in sorted(files.folders()):
        inside = files.folder_inside(name)
        if inside is not None and (name == TEMPLATES or inside.has(TOKENIZER_FILE)):
            with exchange_files(target / name) as exchange:
                copied += [f"{name}/{each}" for each in _copy(inside, exchange.staging)]
    return copied


def _with_dtype(values: dict[str, Any], dtype: torch.dtype) -> dict[str, Any]:
    """Return the keys of a configuration, in which it and its parts name a dtype."""
    name = str(dtype).removeprefix("torch.")

    def changed(part: dict[str, Any]) -> dict[str, Any]:
        return {
            key: changed(value)
            if isinstance(value, dict)
            else name
            if key in ("dtype", "torch_dtype")
            else value
            for key, value in part.items()
        }

    result = changed(values)
    if not {"dtype", "torch_dtype"} & result.keys():
        result["dtype"] = name
    return result
