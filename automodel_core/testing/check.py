"""A check: a function with a name, on an architecture or on each of its tasks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

__all__ = ["Check", "CheckFailedError", "Property", "Rule", "require", "require_close"]


class CheckFailedError(AssertionError):
    """The architecture does not keep a promise; the message says which, and what was seen."""


Property = Callable[[Any], object]
"""A function that says whether a subject has something; its name is what people read."""


class Rule:
    """A promise, and the properties that a subject needs for it to apply."""

    def __init__(self, function: Callable[[Any], None], *needs: Property) -> None:
        self.function = function
        self.needs = needs

    def lacking(self, subject: Any) -> str:
        """Return the name of the first property that a subject lacks; empty if it has all.

        A subject that cannot even say so is checked.
        """
        for needed in self.needs:
            try:
                with torch.random.fork_rng(devices=[]):
                    if not needed(subject):
                        return needed.__name__
            except Exception:  # noqa: BLE001 - the check itself will tell what is wrong
                return ""
        return ""


@dataclass(frozen=True)
class Check:
    """One check of one subject; calling it returns, or raises `CheckFailedError`."""

    id: str
    """Stable: ``name`` of the function, and the task or the label of a part if there is one."""
    function: Callable[[Any], None]
    subject: Any

    def __call__(self) -> None:
        """Run the check, with torch's random numbers as they were before."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.function(self.subject)


def require(condition: object, message: str) -> None:
    """Raise `CheckFailedError` unless ``condition``."""
    if not condition:
        raise CheckFailedError(message)


def require_close(actual: Tensor, expected: Tensor, message: str, tolerance: float = 1e-4) -> None:
    """Raise `CheckFailedError` unless two tensors agree, not-a-number with nothing."""
    require(
        actual.shape == expected.shape,
        f"{message}: shape {tuple(actual.shape)} instead of {tuple(expected.shape)}",
    )
    difference = (actual.double() - expected.double()).abs().max().item() if actual.numel() else 0.0
    require(difference <= tolerance, f"{message}: they differ by {difference:.3g}")
