"""Weights into files: whole or not at all, with the hub's names for tensors and files."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import torch

from automodel_core.checkpoint.formats.choice import variant_name
from automodel_core.checkpoint.formats.safetensors_header import DTYPES
from automodel_core.checkpoint.places.atomic_write import new_sibling
from automodel_core.errors import InputError, shown

__all__ = ["save_weights", "write_safetensors"]

_CODES = {torch_name: code for code, (torch_name, _) in DTYPES.items()}
_CHUNK = 4 << 20
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
    metadata: Mapping[str, str] | None = None,
    tied: Mapping[str, str] | None = None,
) -> tuple[Path, ...]:
    """Write tensors, by hub name, into a folder, and return the files.

    Tensors that are the same memory are written once: under the name that ``tied`` maps the
    others to, else under the first. Over ``max_shard_size`` bytes the weights are split into
    shards with an index. Files of a former save disappear when the new ones are in place; if
    anything fails before that, the folder stays as it was.
    """
    folder = Path(directory)
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{shown(str(folder))} is a file; weights are saved in a folder")
    folder.mkdir(parents=True, exist_ok=True)
    limit = _bytes(max_shard_size)
    ending = "safetensors" if safe_serialization else "bin"
    stem = "model" if safe_serialization else "pytorch_model"
    whole = variant_name(f"{stem}.{ending}", variant)
    index = variant_name(f"{stem}.{ending}.index.json", variant)
    shards = _split(_once(state, tied or {}), limit)
    files = _shard_names(whole, len(shards))
    waiting: list[tuple[Path, Path]] = []
    try:
        for name, tensors in zip(files, shards, strict=True):
            file, temporary = new_sibling(folder / name)
            waiting.append((temporary, folder / name))
            with file:
                if safe_serialization:
                    write_safetensors(tensors, file, metadata or {"format": "pt"})
                else:
                    torch.save({n: _own_memory(t) for n, t in tensors.items()}, file)
        if len(files) > 1:
            file, temporary = new_sibling(folder / index)
            waiting.append((temporary, folder / index))
            with file:
                file.write(_index(dict(zip(files, shards, strict=True))))
        with _alone(folder):
            _publish(folder, waiting, index, _stale(folder, variant, safe_serialization))
    except BaseException:
        for temporary, _ in waiting:
            temporary.unlink(missing_ok=True)
        raise
    return tuple(target for _, target in waiting)


def _bytes(size: int | str) -> int:
    if isinstance(size, int) and not isinstance(size, bool) and size > 0:
        return size
    match = re.fullmatch(r"\s*([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*([A-Za-z]{0,3})\s*", str(size))
    if match and match[2].upper() in _UNITS and float(match[1]) > 0:
        return max(1, int(float(match[1]) * _UNITS[match[2].upper()]))
    raise InputError(f"max_shard_size must be bytes, or text like '5GB', got {shown(size)}")


def _once(state: Mapping[str, torch.Tensor], tied: Mapping[str, str]) -> dict[str, torch.Tensor]:
    """Return the tensors with those that are one and the same memory under one name."""
    kept: dict[tuple[object, ...], str] = {}
    result: dict[str, torch.Tensor] = {}
    sources = set(tied.values())
    for name in sorted(state, key=lambda name: (name not in sources, name in tied)):
        tensor = state[name]
        if not isinstance(tensor, torch.Tensor) or tensor.layout is not torch.strided:
            raise InputError(f"weight {shown(name)} must be a dense tensor, got {shown(tensor)}")
        if tensor.is_meta:
            raise InputError(f"weight {shown(name)} is on the meta device and has no values")
        identity: tuple[object, ...] = (id(tensor),)
        if tensor.numel():
            place = (tensor.device, tensor.data_ptr(), tensor.dtype)
            identity = (*place, tuple(tensor.shape), tensor.stride())
        kept.setdefault(identity, name)
    names = set(kept.values())
    for name, tensor in state.items():
        if name in names:
            result[name] = tensor.detach()
    return result


def _split(tensors: Mapping[str, torch.Tensor], limit: int) -> list[dict[str, torch.Tensor]]:
    """Return the tensors in order, cut where the next one would pass the limit."""
    shards: list[dict[str, torch.Tensor]] = [{}]
    size = 0
    for name, tensor in tensors.items():
        needed = tensor.numel() * tensor.element_size()
        if shards[-1] and size + needed > limit:
            shards.append({})
            size = 0
        shards[-1][name] = tensor
        size += needed
    return shards


def _shard_names(whole: str, count: int) -> list[str]:
    if count == 1:
        return [whole]
    stem, _, ending = whole.rpartition(".")
    return [f"{stem}-{number:05d}-of-{count:05d}.{ending}" for number in range(1, count + 1)]


def _index(shards: Mapping[str, Mapping[str, torch.Tensor]]) -> bytes:
    tensors = [tensor for shard in shards.values() for tensor in shard.values()]
    content = {
        "metadata": {
            "total_parameters": sum(tensor.numel() for tensor in tensors),
            "total_size": sum(tensor.numel() * tensor.element_size() for tensor in tensors),
        },
        "weight_map": {name: file for file, shard in shards.items() for name in shard},
    }
    return (json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def write_safetensors(
    tensors: Mapping[str, torch.Tensor], file: BinaryIO, metadata: Mapping[str, str]
) -> None:
    """Write tensors in the safetensors format; wide elements come first, so all are aligned."""
    header: dict[str, object] = {"__metadata__": dict(metadata)}
    order = sorted(tensors, key=lambda name: -tensors[name].element_size())
    end = 0
    for name in order:
        tensor = tensors[name]
        code = _CODES.get(str(tensor.dtype).removeprefix("torch."))
        if code is None:
            raise InputError(
                f"weight {shown(name)} has dtype {tensor.dtype}, which the safetensors format "
                "does not know; convert it, or save with safe_serialization=False"
            )
        shape = list(tensor.shape)
        if code == "F4":
            shape[-1] *= 2
        begin, end = end, end + tensor.numel() * tensor.element_size()
        header[name] = {"dtype": code, "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
    text += b" " * (-(8 + len(text)) % _ALIGNMENT)
    file.write(len(text).to_bytes(8, "little"))
    file.write(text)
    buffer = bytearray(_CHUNK)
    window = torch.frombuffer(buffer, dtype=torch.uint8)
    for name in order:
        flat = tensors[name].detach().contiguous().view(-1)
        if not flat.numel():
            continue
        data = flat.view(torch.uint8)
        for start in range(0, len(data), _CHUNK):
            piece = data[start : start + _CHUNK]
            window[: len(piece)].copy_(piece)
            file.write(memoryview(buffer)[: len(piece)])


def _own_memory(tensor: torch.Tensor) -> torch.Tensor:
    """Return the tensor without the rest of a larger storage that it may be a part of."""
    tensor = tensor.detach().cpu()
    whole = tensor.untyped_storage().nbytes() == tensor.numel() * tensor.element_size()
    return tensor if whole and tensor.is_contiguous() else tensor.contiguous().clone()


def _stale(folder: Path, variant: str | None, safe_serialization: bool) -> set[str]:
    """Return the weight files that the new ones replace.

    Those of the same format and variant; and safetensors files when a pickle is written, because
    they would be read in its place.
    """
    endings = ["safetensors"] if safe_serialization else ["safetensors", "bin"]
    patterns = []
    for ending in endings:
        stem = "model" if ending == "safetensors" else "pytorch_model"
        whole = variant_name(f"{stem}.{ending}", variant)
        index = variant_name(f"{stem}.{ending}.index.json", variant)
        shard = re.escape(whole.removesuffix(f".{ending}")) + r"-\d{5}-of-\d{5}\." + ending
        patterns += [re.escape(whole), re.escape(index), shard]
    wanted = re.compile("|".join(f"(?:{pattern})" for pattern in patterns))
    return {name for name in (path.name for path in folder.iterdir()) if wanted.fullmatch(name)}


def _publish(folder: Path, waiting: list[tuple[Path, Path]], index: str, stale: set[str]) -> None:
    """Put the new files in place and remove the old ones.

    Shards may replace shards of the same names: the old index goes first, so that at no moment an
    index points to shards of two saves. A single file is exchanged in one step.
    """
    new = {target.name for _, target in waiting}
    if len(waiting) > 1 and stale & new:
        (folder / index).unlink(missing_ok=True)
    for temporary, target in waiting:
        temporary.replace(target)
    for name in stale - new:
        (folder / name).unlink(missing_ok=True)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other processes from publishing into the folder meanwhile, where the system can."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
