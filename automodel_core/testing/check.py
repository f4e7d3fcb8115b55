"""A check: a function with a name, on an architecture or on each of its tasks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from automodel_core.testing.case import Subject

__all__ = ["Check", "CheckFailedError", "Rule", "require", "require_close"]


class CheckFailedError(AssertionError):
    """The architecture does not keep a promise; the message says which, and what was seen."""


@dataclass(frozen=True)
class Rule:
    """A promise, and which subjects it is about: all, unless ``applies`` says otherwise."""

    function: Callable[[Subject], None]
    applies: Callable[[Subject], object] = lambda subject: True

    def concerns(self, subject: Subject) -> bool:
        """Return whether the rule is about a subject; one that cannot even say so is checked."""
        try:
            return bool(self.applies(subject))
        except Exception:  # noqa: BLE001 - the check itself will tell what is wrong
            return True


@dataclass(frozen=True)
class Check:
    """One check of one subject; calling it returns, or raises `CheckFailedError`."""

    id: str
    """Stable: ``name`` of the function, and the task if there is one."""
    function: Callable[[Subject], None]
    subject: Subject

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
