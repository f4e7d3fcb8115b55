"""Weights of eight bits and their scales, read as the weights that they stand for.

A scale is one number, one for each row, or one for each block of a matrix, and multiplies the
stored values, also under its common name ``weight_scale_inv``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import torch

from automodel_core.checkpoint.formats.header import TensorInfo
from automodel_core.checkpoint.formats.quantised import is_float8
from automodel_core.checkpoint.formats.tensors import LazyTensors
from automodel_core.errors import CheckpointFormatError, shown
from automodel_core.layers.kernels import fresh_memory

__all__ = ["DequantisedTensors"]

_SCALES = ("{name}_scale_inv", "{name}_scale", "{stem}.scale_weight")
"""The scale of a weight, by its name or the name without ``.weight``."""
_OF_ACTIVATIONS = re.compile(
    r"(^|[._])((input|output|activation|input_activation|[qkv])_scale(_ub)?|scale_input|scaled_fp8)$"
)
"""What lies beside such weights for those who compute in eight bits."""
_USUAL_BLOCK = 128
_CPU = torch.device("cpu")


class DequantisedTensors(LazyTensors):
    """The tensors of a checkpoint, with weights in place of values and scales.

    Raises `CheckpointFormatError` that names a weight of eight bits without a scale, if others have
    one, and a scale whose shape does not fit. ``block`` is the height and width of the blocks that
    share a scale, as far as a configuration says so.
    """

    def __init__(self, source: LazyTensors, block: tuple[int, int] | None = None) -> None:
        self._source = source
        self._scales = dict(_pairs(source))
        self._blocks: dict[str, tuple[int, int]] = {}
        hidden = set(self._scales.values())
        if hidden:
            hidden.update(name for name in source if _OF_ACTIVATIONS.search(name))
        kept = {name: info for name, info in source.items() if name not in hidden}
        dtype = _usual_dtype(kept)
        for name, scale in self._scales.items():
            info = kept[name]
            if torch.Size(source[scale].shape).numel() != 1:
                self._blocks[name] = _blocks(info, source[scale], block, name)
            size = torch.Size(info.shape).numel() * dtype.itemsize
            kept[name] = info._replace(dtype=str(dtype).removeprefix("torch."), nbytes=size)
        super().__init__(kept, source.metadata)

    def tensor(self, name: str) -> torch.Tensor:
        if name not in self._scales:
            return self._source.tensor(name)
        return self.read(name, _named(self[name].dtype), _CPU)

    def read(self, name: str, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
        if name not in self._scales:
            return self._source.read(name, dtype, device)
        values = self._dequantised(name)
        if dtype == values.dtype and device == values.device:
            return values
        return fresh_memory.copied(values, dtype, device)

    def read_parts(
        self, name: str, lengths: Sequence[int], dim: int, dtype: torch.dtype, device: torch.device
    ) -> list[torch.Tensor]:
        if name not in self._scales:
            return self._source.read_parts(name, lengths, dim, dtype, device)
        parts = self._dequantised(name).split(list(lengths), dim)
        return [fresh_memory.copied(part, dtype, device) for part in parts]

    def confirm(self) -> None:
        self._source.confirm()

    def _dequantised(self, name: str) -> torch.Tensor:
        """Return a weight in single precision."""
        stored = self._source.tensor(name)
        scale = self._source.tensor(self._scales[name])
        # Exponents alone, which some files call plain bytes.
        powers = scale.dtype is torch.uint8
        scale = torch.exp2(scale.float() - 127) if powers else scale.float()
        values = fresh_memory.copied(stored, torch.float32)
        if scale.numel() == 1:
            return values.mul_(scale.view(()))
        if scale.dim() == 1:
            scale = scale[:, None]
        for axis, block in zip((-2, -1), self._blocks[name], strict=True):
            if block > 1 and scale.shape[axis] > 1:
                scale = scale.repeat_interleave(block, axis).narrow(axis, 0, values.shape[axis])
        return values.mul_(scale)


def _pairs(tensors: Mapping[str, TensorInfo]) -> Iterator[tuple[str, str]]:
    """Yield each weight of eight bits with the name of its scale."""
    unscaled = []
    found = False
    for name, info in tensors.items():
        if is_float8(info.dtype):
            stem = name.removesuffix(".weight")
            candidates = (form.format(name=name, stem=stem) for form in _SCALES)
            scale = next((candidate for candidate in candidates if candidate in tensors), None)
            if scale is not None:
                found = True
                yield name, scale
            elif not _OF_ACTIVATIONS.search(name) and not name.endswith(("_scale", "_scale_inv")):
                unscaled.append(name)
    if found and unscaled:
        raise CheckpointFormatError(
            f"{shown(tensors[unscaled[0]].file)}: tensor {shown(unscaled[0])} has eight bits and, "
            f"unlike others, no scale beside it ({_SCALES[0].format(name=unscaled[0])})"
        )


def _usual_dtype(tensors: Mapping[str, TensorInfo]) -> torch.dtype:
    """Return the dtype of the first weight of more than eight bits, or bfloat16."""
    names = (info.dtype for info in tensors.values())
    usual = next((n for n in names if n in ("float32", "float16", "bfloat16")), "bfloat16")
    return _named(usual)


def _named(dtype: str) -> torch.dtype:
    found: torch.dtype = getattr(torch, dtype)
    return found


def _blocks(
    weight: TensorInfo, scale: TensorInfo, stated: tuple[int, int] | None, name: str
) -> tuple[int, int]:
    """Return height and width of the blocks that share a scale; raise if the shapes do not fit."""
    shape = (*scale.shape, 1) if len(scale.shape) == 1 else scale.shape
    alike = len(shape) == len(weight.shape) > 1
    if alike and shape[:-2] == weight.shape[:-2]:
        sizes = zip(weight.shape[-2:], shape[-2:], stated or (None, None), strict=True)
        height, width = (_block(length, count, size) for length, count, size in sizes)
        if height and width:
            return height, width
    raise CheckpointFormatError(
        f"{shown(scale.file)}: the scales of {shown(name)} have shape {list(scale.shape)}, which "
        f"is none for blocks of a weight of shape {list(weight.shape)}"
    )


def _block(length: int, count: int, stated: int | None) -> int:
    """Return how many of ``length`` share each of ``count`` scales, 0 if they do not fit."""
    if not length or not count:
        return 0
    if count in (1, length):
        return length // count
    for size in (stated, _USUAL_BLOCK):  # the last block may be smaller
        if size is not None and -(-length // size) == count:
            return size
    return 0 if length % count else length // count
