"""Faults that authors make, each as a patch of one of our plugins or bricks.

Each function takes pytest's ``monkeypatch``; its docstring names the fault, and its decorators the
checks that must see it.
"""

from __future__ import annotations

from support.seeded_faults import (
    comparisons,
    dense,
    inputs,
    masks,
    outputs,
    places,
    sounds,
    tokenizers,
    weights,
)
from support.seeded_faults.seed import FAULTS, Fault

__all__ = [
    "FAULTS",
    "Fault",
    "comparisons",
    "dense",
    "inputs",
    "masks",
    "outputs",
    "places",
    "sounds",
    "tokenizers",
    "weights",
]
