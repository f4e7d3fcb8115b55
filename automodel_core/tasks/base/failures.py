"""Inputs that cannot be used: which they are, and what becomes of the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from automodel_core.errors import (
    FailedInputsError,
    GenerationArgumentError,
    InputError,
    MissingExtraError,
    PluginError,
    shown,
)

__all__ = ["ENDS_ALL", "Failed", "checked_reaction", "results_or_raise"]

ENDS_ALL = (MissingExtraError, PluginError, GenerationArgumentError, MemoryError)
"""Errors that are not about one input, and end a call at once."""

REACTIONS = ("raise", "return")


@dataclass(frozen=True)
class Failed:
    """Stands for the result of an input that could not be used."""

    position: int
    error: Exception

    def described(self) -> str:
        return f"input {self.position}: {type(self.error).__name__}: {self.error}"


def checked_reaction(on_error: str) -> str:
    """Return what to do about bad inputs, ``"raise"`` or ``"return"``."""
    if on_error not in REACTIONS:
        raise InputError(f"on_error={shown(on_error)} is not known; it is 'raise' or 'return'")
    return on_error


def results_or_raise(results: list[Any], on_error: str) -> list[Any]:
    """Return results with errors in their places, or raise one error that names all bad inputs."""
    failed = [result for result in results if isinstance(result, Failed)]
    if on_error == "return":
        return [result.error if isinstance(result, Failed) else result for result in results]
    if not failed:
        return results
    first = "; ".join(failure.described() for failure in failed[:3])
    more = f"; and {len(failed) - 3} more" if len(failed) > 3 else ""
    raise FailedInputsError(
        f"{len(failed)} of {len(results)} inputs cannot be used (counted from 0): {first}{more}. "
        "The error's results are those of the others; on_error='return' returns errors in their "
        "places",
        results=[None if isinstance(result, Failed) else result for result in results],
        errors={failure.position: failure.error for failure in failed},
    ) from failed[0].error
