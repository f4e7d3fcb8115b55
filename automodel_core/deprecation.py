"""What was renamed: it works for a while, with a warning that names what to write instead.

Each `Renamed` says since which version the new name holds, and in which the old one goes; a test
of the house fails once that version is reached. Names of a package are renamed by
``lazy_exports(__name__, renamed={...})``, arguments by `renamed_arguments`, keys of a configuration
by its ``renamed_keys``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from automodel_core.errors import InputError, warn_caller

__all__ = ["Renamed", "renamed_arguments"]

P = ParamSpec("P")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Renamed:
    """The ``new`` name of something, since a version; the old one is ``removed_in`` another."""

    new: str
    since: str
    removed_in: str

    def warn(self, what: str) -> None:
        """Warn the caller that ``what`` has another name now."""
        warn_caller(
            f"{what} is called {self.new!r} since version {self.since}; the old name goes in "
            f"{self.removed_in}",
            FutureWarning,
        )


def renamed_arguments(
    **renamed: Renamed,
) -> Callable[[Callable[P, Result]], Callable[P, Result]]:
    """Return a decorator that takes arguments under their old names, too, with a warning.

    Raises `InputError` where an argument is given under both.
    """

    def decorate(function: Callable[P, Result]) -> Callable[P, Result]:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Result:
            for old in renamed.keys() & kwargs.keys():
                new = renamed[old].new
                if new in kwargs:
                    raise InputError(
                        f"{function.__name__}: {old}= is the old name of {new}=, give only the new"
                    )
                renamed[old].warn(f"{function.__name__}: the argument {old!r}")
                kwargs[new] = kwargs.pop(old)
            return function(*args, **kwargs)

        call.renamed_arguments = renamed  # type: ignore[attr-defined]
        return call

    return decorate
