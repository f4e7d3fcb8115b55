"""How much memory a model's weights take in each dtype, from their shapes alone. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import prod
from typing import NamedTuple

from automodel_core.checkpoint.formats.header import TensorInfo

__all__ = ["WeightSize", "memory_by_dtype", "sizes_in_files"]

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
"""The dtypes that models are loaded in, and the bytes of a number."""
SCALE_BYTES = 2
"""Of the scale that a row of a matrix in eight bits has."""


class WeightSize(NamedTuple):
    """What a weight's memory follows from.

    ``stored`` is its dtype, which stays unless it is one of numbers with a point. ``rounded`` says
    whether ``weights="int8"`` rounds it, ``only_rounded`` that no other dtype has it: an output
    layer tied to embeddings gets a matrix of its own then. ``in_fp32`` weights are not loaded in
    float16.
    """

    shape: tuple[int, ...]
    stored: str
    rounded: bool = False
    only_rounded: bool = False
    in_fp32: bool = False


def memory_by_dtype(weights: Iterable[WeightSize], dtype: str) -> dict[str, int]:
    """Return the bytes of all weights in each dtype, and in eight bits with the rest in ``dtype``.

    Buffers that are computed, activations and caches are not in it.
    """
    found = dict.fromkeys((*BYTES, "int8"), 0)
    for weight in weights:
        count = prod(weight.shape)
        kept = _kept_bytes(weight.stored)
        for name, each in BYTES.items():
            wide = name == "float16" and weight.in_fp32
            if not weight.only_rounded:
                found[name] += count * (kept or (4 if wide else each))
        if weight.rounded:
            found["int8"] += count + SCALE_BYTES * weight.shape[0]
        elif not weight.only_rounded:
            found["int8"] += count * (kept or BYTES.get(dtype, 4))
    return found


def sizes_in_files(tensors: Mapping[str, TensorInfo]) -> list[WeightSize]:
    """Return the sizes of a checkpoint's tensors, where the model is not known.

    Matrices of numbered layers count as those that are rounded.
    """
    return [
        WeightSize(info.shape, info.dtype, rounded=_is_layers_matrix(name, info))
        for name, info in tensors.items()
    ]


def _kept_bytes(dtype: str) -> int | None:
    """Return the bytes of a number whose dtype loading does not change, else ``None``."""
    return None if dtype.startswith(("float", "bfloat")) else _WHOLE.get(dtype, 8)


_WHOLE = {"bool": 1, "int8": 1, "uint8": 1, "int16": 2, "uint16": 2, "int32": 4, "uint32": 4}


def _is_layers_matrix(name: str, info: TensorInfo) -> bool:
    numbered = any(segment.isdecimal() for segment in name.split("."))
    return numbered and len(info.shape) == 2 and info.dtype.startswith(("float", "bfloat"))
