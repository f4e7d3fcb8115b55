"""What Flax's parameters are called in torch's files: one translation for every architecture."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from automodel_core.checkpoint import TensorInfo, Translation, kernel_axes

_LAST: Mapping[str, str] = {"kernel": "weight", "scale": "weight", "embedding": "weight"}
_STATISTICS: Mapping[str, str] = {"mean": "running_mean", "var": "running_var"}
"""The last levels of what batch norms have seen, in a collection of its own."""


def translate_flax(name: str, info: TensorInfo) -> Translation:
    """Translate the path of a parameter, joined by ``/`` or, in safetensors, by ``.``."""
    *levels, last = name.split("/" if "/" in name else ".")
    collection = levels[0] if levels else ""
    if collection in ("params", "batch_stats"):
        del levels[0]
    levels = [_number(level, before) for before, level in pairwise(["", *levels])]
    table = _STATISTICS if collection == "batch_stats" else _LAST
    axes = kernel_axes(len(info.shape)) if last == "kernel" else None
    return Translation(".".join([*levels, table.get(last, last)]), axes)


def _number(level: str, before: str) -> str:
    """Return the number of ``layer_0`` below ``layer``, and other levels as they are."""
    number = level.removeprefix(f"{before}_")
    return number if number.isdecimal() else level
