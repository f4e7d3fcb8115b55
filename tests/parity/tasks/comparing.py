"""One call of a pipeline of ours and of the reference, and whether the results agree."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers.pipelines import get_supported_tasks

import automodel_core

__all__ = ["SUPPORTED", "Call", "Pipelines", "assert_same", "known"]

SUPPORTED = frozenset(get_supported_tasks())
"""The tasks of the reference at hand; the newest dropped some."""

TOLERANCE = 2e-4


@dataclass(frozen=True)
class Call:
    """A call: arguments, options, and options of the constructor.

    ``since`` is the major version of the reference that gives the same result.
    """

    task: str
    checkpoint: str
    args: tuple[Any, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    constructor: Mapping[str, Any] = field(default_factory=dict)
    since: int = 4


def known(calls: Mapping[str, Call]) -> list[str]:
    """Return the names of the calls whose task the reference at hand has."""
    major = int(transformers.__version__.partition(".")[0])
    return [
        name
        for name, call in calls.items()
        if call.task.partition("_")[0] in SUPPORTED and call.since <= major
    ]


class Pipelines:
    """Pipelines of both sides, made once for each task, checkpoint and options."""

    def __init__(self, checkpoint: Callable[[str], Path]) -> None:
        self._checkpoint = checkpoint
        self._made: dict[str, Any] = {}

    def of(self, side: Any, call: Call) -> Any:
        key = f"{side.__name__} {call.task} {call.checkpoint} {sorted(call.constructor.items())}"
        if key not in self._made:
            folder = str(self._checkpoint(call.checkpoint))
            self._made[key] = side.pipeline(call.task, model=folder, device=-1, **call.constructor)
        return self._made[key]

    def both(self, call: Call) -> tuple[Any, Any]:
        """Return our result and the reference's."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = self.of(automodel_core, call)(*call.args, **call.options)
            expected = self.of(transformers, call)(*call.args, **call.options)
        return found, expected


def assert_same(found: Any, expected: Any, where: str = "result") -> None:
    """Compare results: keys, lengths and texts exactly, numbers within a tolerance."""
    if isinstance(expected, list | tuple):
        assert isinstance(found, list | tuple), where
        assert len(found) == len(expected), (where, found, expected)
        for index, pair in enumerate(zip(found, expected, strict=True)):
            assert_same(*pair, f"{where}[{index}]")
    elif isinstance(expected, Mapping):
        assert found.keys() == expected.keys(), where
        for key in expected:
            assert_same(found[key], expected[key], f"{where}[{key!r}]")
    elif isinstance(expected, torch.Tensor):
        torch.testing.assert_close(found, expected, rtol=TOLERANCE, atol=TOLERANCE)
    elif isinstance(expected, str | bool | type(None)):
        assert found == expected, where
    elif hasattr(expected, "tobytes") and hasattr(expected, "mode"):
        assert (found.size, found.mode) == (expected.size, expected.mode), where
        pairs = zip(found.tobytes(), expected.tobytes(), strict=True)
        assert all(abs(one - other) <= 1 for one, other in pairs), where
    else:
        assert abs(float(found) - float(expected)) < TOLERANCE, (where, found, expected)
