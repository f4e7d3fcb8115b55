"""Weights into files: whole or not at all, with the hub's names for tensors and files."""

from __future__ import annotations

import json
import os
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

import torch

from automodel_core import registry
from automodel_core.checkpoint.formats.choice import variant_name
from automodel_core.checkpoint.formats.safetensors_header import DTYPES
from automodel_core.checkpoint.places.exchange import Exchange, current_names, exchange_files
from automodel_core.errors import InputError, shown
from automodel_core.registry import CheckpointFormat

__all__ = [
    "WeightsToSave",
    "format_to_write",
    "replaced_files",
    "save_weights",
    "write_pickled",
    "write_safetensors",
]

Writer = Callable[..., None]
"""What a format's ``writer`` names."""

_CODES = {torch_name: code for code, (torch_name, _) in DTYPES.items()}
_CHUNK = 4 << 20
SAFETENSORS = "safetensors"
_UNITS = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12} | {
    "KIB": 2**10,
    "MIB": 2**20,
    "GIB": 2**30,
    "TIB": 2**40,
}
_ALIGNMENT = 64


def save_weights(
    state: Mapping[str, torch.Tensor],
    directory: str | os.PathLike[str],
    *,
    max_shard_size: int | str = "5GB",
    variant: str | None = None,
    safe_serialization: bool = True,
    format: str | CheckpointFormat | None = None,  # noqa: A002
    metadata: Mapping[str, str] | None = None,
    tied: Mapping[str, str] | None = None,
) -> tuple[Path, ...]:
    """Write tensors, by hub name, into a folder, and return the files.

    See `format_to_write` for the format, `WeightsToSave` for the files, `exchange_files` for how
    they replace a former save. If anything fails, the folder stays as it was.
    """
    weights = WeightsToSave(
        state,
        max_shard_size=max_shard_size,
        variant=variant,
        form=format_to_write(format, safe_serialization=safe_serialization),
        metadata=metadata,
        tied=tied,
    )
    with exchange_files(directory) as exchange:
        names = weights.write(exchange)
    return tuple(exchange.folder / name for name in names)


def format_to_write(
    name: str | CheckpointFormat | None, *, safe_serialization: bool = True
) -> CheckpointFormat:
    """Return a format by name, by default safetensors, or a pickle where that is asked for.

    Raises `InputError` for a format that is not installed, or that can only be read.
    """
    if name is None:
        name = SAFETENSORS if safe_serialization else "pickle"
    form = registry.parts.get(CheckpointFormat, name) if isinstance(name, str) else name
    if form.writer is None:
        raise InputError(f"the weight format {shown(form.name)} can be read and not written")
    return form


class WeightsToSave:
    """Tensors by hub name, checked, and divided into files of one format.

    Tensors that are the same memory are written once, under the first name; if ``tied`` is given,
    only those that it maps to another, under that one's name. Those in ``dtypes`` are cast while
    they are written. Over ``max_shard_size`` bytes the weights are split into shards with an index,
    if the format has one. Raises `InputError` for what a file cannot hold.
    """

    def __init__(
        self,
        state: Mapping[str, torch.Tensor],
        *,
        max_shard_size: int | str = "5GB",
        variant: str | None = None,
        form: CheckpointFormat | None = None,
        metadata: Mapping[str, str] | None = None,
        tied: Mapping[str, str] | None = None,
        dtypes: Mapping[str, torch.dtype] | None = None,
    ) -> None:
        self._form = format_to_write(None) if form is None else form
        self.replaces = replaced_files(self._form, variant)
        self._variant = variant
        self._metadata = {"format": "pt", **(metadata or {})}
        self._whole, self._index = _file_names(self._form, variant)
        kinds, limit = dtypes or {}, _bytes(max_shard_size)
        whole = {
            name: Written(tensor, kinds.get(name, tensor.dtype))
            for name, tensor in _once(state, tied).items()
        }
        self._shards = [whole] if self._index is None else _split(whole, limit)
        if self._form.name == SAFETENSORS:
            for shard in self._shards:
                _header(shard, self._metadata)

    @property
    def nbytes(self) -> int:
        """The bytes of all tensors as they are written."""
        return sum(tensor.nbytes for shard in self._shards for tensor in shard.values())

    def write(
        self, exchange: Exchange, written: Callable[[int], object] = lambda count: None
    ) -> list[str]:
        """Write the files, and return their names; those of a former save are to vanish.

        ``written`` is told of each piece of so many bytes.
        """
        present = current_names(exchange.folder)
        write = cast("Writer", registry.resolve(str(self._form.writer)))
        names = self._names(present)
        for name, tensors in zip(names, self._shards, strict=True):
            with exchange.file(name) as file:
                if self._form.name == SAFETENSORS:
                    plain = {n: entry.tensor for n, entry in tensors.items()}
                    kinds = {n: entry.dtype for n, entry in tensors.items()}
                    write(plain, file, self._metadata, kinds, written)
                else:
                    own = {n: _own_memory(entry) for n, entry in tensors.items()}
                    write(own, file, self._metadata)
        if self._index is not None and len(names) > 1:
            shards = dict(zip(names, self._shards, strict=True))
            exchange.write(self._index, _index(shards, self._metadata))
            names.append(self._index)
        exchange.remove(name for name in present - set(names) if self.replaces.fullmatch(name))
        return names

    def _names(self, present: Iterable[str]) -> list[str]:
        """Return the files' names; if there are shards already, new ones have other names."""
        count = len(self._shards)
        if count == 1:
            return [self._whole]
        stem, _, ending = self._whole.rpartition(".")
        own = re.compile(_pattern(self._form, self._variant))
        if any(own.fullmatch(name) and name != self._whole for name in present):
            stem += f"-{secrets.token_hex(4)}"
        return [f"{stem}-{number:05d}-of-{count:05d}.{ending}" for number in range(1, count + 1)]


def replaced_files(form: CheckpointFormat, variant: str | None) -> re.Pattern[str]:
    """Return what matches the names of the weight files that a save takes the place of.

    Those of the same format and variant, and those of formats that would be read in its place.
    """
    others = registry.parts.by_priority(CheckpointFormat)
    forms = [form, *(other for other in others if other.priority > form.priority)]
    return re.compile("|".join(_pattern(each, variant) for each in forms))


def _pattern(form: CheckpointFormat, variant: str | None) -> str:
    whole, index = _file_names(form, variant)
    if index is None:
        return re.escape(whole)
    stem, _, ending = whole.rpartition(".")
    shard = re.escape(stem) + rf"(?:-[0-9a-f]{{8}})?-\d{{5}}-of-\d{{5}}\.{ending}"
    return f"(?:{re.escape(whole)}|{re.escape(index)}|{shard})"


def _file_names(form: CheckpointFormat, variant: str | None) -> tuple[str, str | None]:
    """Return the names of a whole file and of the index of shards, if the format has one."""
    index = None if form.index_file is None else variant_name(form.index_file, variant)
    return variant_name(form.weight_file, variant), index


def _bytes(size: int | str) -> int:
    if isinstance(size, int) and not isinstance(size, bool) and size > 0:
        return size
    match = re.fullmatch(r"\s*([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*([A-Za-z]{0,3})\s*", str(size))
    if match and match[2].upper() in _UNITS and float(match[1]) > 0:
        return max(1, int(float(match[1]) * _UNITS[match[2].upper()]))
    raise InputError(f"max_shard_size must be bytes, or text like '5GB', got {shown(size)}")


def _once(
    state: Mapping[str, torch.Tensor], tied: Mapping[str, str] | None
) -> dict[str, torch.Tensor]:
    """Return the tensors without those that are another one's memory, see `WeightsToSave`."""
    first: dict[tuple[object, ...], str] = {}
    memory: dict[str, tuple[object, ...]] = {}
    for name, tensor in state.items():
        if not isinstance(tensor, torch.Tensor) or tensor.layout is not torch.strided:
            raise InputError(f"weight {shown(name)} must be a dense tensor, got {shown(tensor)}")
        if tensor.is_meta:
            raise InputError(f"weight {shown(name)} is on the meta device and has no values")
        memory[name] = (id(tensor),)
        if tensor.numel():
            place = (tensor.device, tensor.data_ptr(), tensor.dtype)
            memory[name] = (*place, tuple(tensor.shape), tensor.stride())
        first.setdefault(memory[name], name)
    others = {name: first[memory[name]] for name in state} if tied is None else tied
    return {
        name: tensor.detach()
        for name, tensor in state.items()
        if (other := others.get(name, name)) == name or memory.get(other) != memory[name]
    }


class Written(NamedTuple):
    """A tensor, and the dtype that it is written in."""

    tensor: torch.Tensor
    dtype: torch.dtype

    @property
    def nbytes(self) -> int:
        return self.tensor.numel() * self.dtype.itemsize


def _split(tensors: Mapping[str, Written], limit: int) -> list[dict[str, Written]]:
    """Return the tensors in order, cut where the next one would pass the limit."""
    shards: list[dict[str, Written]] = [{}]
    size = 0
    for name, tensor in tensors.items():
        needed = tensor.nbytes
        if shards[-1] and size + needed > limit:
            shards.append({})
            size = 0
        shards[-1][name] = tensor
        size += needed
    return shards


def _index(shards: Mapping[str, Mapping[str, Written]], metadata: Mapping[str, str]) -> bytes:
    tensors = [tensor for shard in shards.values() for tensor in shard.values()]
    content = {
        "metadata": {
            **{key: value for key, value in metadata.items() if key != "format"},
            "total_parameters": sum(tensor.tensor.numel() for tensor in tensors),
            "total_size": sum(tensor.nbytes for tensor in tensors),
        },
        "weight_map": {name: file for file, shard in shards.items() for name in shard},
    }
    return (json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def write_pickled(
    tensors: Mapping[str, torch.Tensor], file: BinaryIO, metadata: Mapping[str, str]
) -> None:
    """Write tensors of their own memory as torch pickles them.

    The metadata goes where torch's own state dicts have the versions of modules.
    """
    state = OrderedDict(tensors)
    vars(state)["_metadata"] = OrderedDict({"": dict(metadata)})
    torch.save(state, file)


def write_safetensors(
    tensors: Mapping[str, torch.Tensor],
    file: BinaryIO,
    metadata: Mapping[str, str],
    dtypes: Mapping[str, torch.dtype] | None = None,
    written: Callable[[int], object] = lambda count: None,
) -> None:
    """Write tensors in the safetensors format; those in ``dtypes`` are cast, in a small buffer.

    ``written`` is told of each piece of so many bytes.
    """
    cast = dtypes or {}
    entries = {
        name: Written(tensor, cast.get(name, tensor.dtype)) for name, tensor in tensors.items()
    }
    text = _header(entries, metadata)
    file.write(len(text).to_bytes(8, "little"))
    file.write(text)
    buffer = bytearray(_CHUNK)
    for name in _stored_order(entries):
        tensor, dtype = entries[name]
        flat = tensor.detach().contiguous().view(-1)
        if not flat.numel():
            continue
        if dtype == tensor.dtype:  # of any kind, also of one that cannot be copied by numbers
            flat, dtype = flat.view(torch.uint8), torch.uint8
        window = torch.frombuffer(buffer, dtype=dtype)
        for piece in flat.split(len(window)):
            window[: len(piece)].copy_(piece)
            size = len(piece) * dtype.itemsize
            file.write(memoryview(buffer)[:size])
            written(size)


def _header(tensors: Mapping[str, Written], metadata: Mapping[str, str]) -> bytes:
    """Return the header of a safetensors file that holds the tensors."""
    header: dict[str, object] = {"__metadata__": dict(metadata)}
    end = 0
    for name in _stored_order(tensors):
        tensor, dtype = tensors[name]
        code = _CODES.get(str(dtype).removeprefix("torch."))
        if code is None:
            raise InputError(
                f"weight {shown(name)} has dtype {dtype}, which the safetensors format "
                "does not know; convert it, or save with safe_serialization=False"
            )
        shape = list(tensor.shape)
        if code == "F4":
            shape[-1] *= 2
        begin, end = end, end + tensors[name].nbytes
        header[name] = {"dtype": code, "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
    return text + b" " * (-(8 + len(text)) % _ALIGNMENT)


def _stored_order(tensors: Mapping[str, Written]) -> list[str]:
    """Return the names with wide elements first, so that all are aligned."""
    return sorted(tensors, key=lambda name: -tensors[name].dtype.itemsize)


def _own_memory(written: Written) -> torch.Tensor:
    """Return a tensor without the rest of a larger storage that it may be a part of."""
    tensor = written.tensor.detach().to("cpu", written.dtype)
    whole = tensor.untyped_storage().nbytes() == tensor.numel() * tensor.element_size()
    return tensor if whole and tensor.is_contiguous() else tensor.contiguous().clone()
