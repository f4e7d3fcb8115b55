"""What a seeded fault is, and how one is put into a plugin or a brick."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from automodel_core.testing import CheckFailedError

__all__ = ["FAULTS", "Fault", "after_forward", "around", "seen"]

Patch = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True)
class Fault:
    """A patch, and the check that must fail under it."""

    model_type: str
    check: str
    patch: Patch
    error: type[Exception] = CheckFailedError
    """What the check ends in."""

    @property
    def name(self) -> str:
        return (self.patch.__doc__ or "").rstrip(".")

    @property
    def id(self) -> str:
        return f"{self.model_type}-{self.patch.__name__}-{self.check}"


FAULTS: list[Fault] = []


def seen(
    model_type: str, *checks: str, error: type[Exception] = CheckFailedError
) -> Callable[[Patch], Patch]:
    """Say which checks of a model type must see a fault."""

    def enter(patch: Patch) -> Patch:
        FAULTS.extend(Fault(model_type, check, patch, error) for check in checks)
        return patch

    return enter


def around(patch: pytest.MonkeyPatch, owner: Any, name: str, change: Callable[..., Any]) -> None:
    """Let ``change(original, *args, **kwargs)`` stand in for a function."""
    original = getattr(owner, name)

    def changed(*args: Any, **kwargs: Any) -> Any:
        return change(original, *args, **kwargs)

    patch.setattr(owner, name, changed)


def after_forward(patch: pytest.MonkeyPatch, owner: Any, change: Callable[..., None]) -> None:
    """Let ``change(output, **kwargs)`` alter what a model's ``forward`` returns."""

    def forward(original: Any, *args: Any, **kwargs: Any) -> Any:
        output = original(*args, **kwargs)
        change(output, **kwargs)
        return output

    original = owner.forward
    around(patch, owner, "forward", forward)
    owner.forward.__signature__ = original.__signature__
