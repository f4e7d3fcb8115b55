"""Loads that meet a save: they begin again, so that all files they read are of one save."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from automodel_core.errors import CheckpointChangedError

if TYPE_CHECKING:
    from automodel_core.checkpoint.places.files import CheckpointFiles

P = ParamSpec("P")
T = TypeVar("T")

__all__ = ["note_opened", "reread_on_change"]

_ATTEMPTS = 100
_OPENED: ContextVar[list[CheckpointFiles] | None] = ContextVar("opened", default=None)
"""The checkpoints that the load in progress has opened; ``None`` outside of one."""


def note_opened(files: CheckpointFiles) -> None:
    """Let the load in progress, if any, see to it that these files stay as they are."""
    opened = _OPENED.get()
    if opened is not None:
        opened.append(files)


def reread_on_change(load: Callable[P, T]) -> Callable[P, T]:
    """Decorate a loader: it is called again if files that it read were replaced meanwhile.

    A loader that another one calls leaves it to that one. Raises `CheckpointChangedError` for a
    checkpoint that never stays as it is.
    """

    @wraps(load)
    def reread(*args: P.args, **kwargs: P.kwargs) -> T:
        if _OPENED.get() is not None:
            return load(*args, **kwargs)
        for attempt in range(_ATTEMPTS):
            time.sleep(0.001 * max(0, attempt - 10))
            opened: list[CheckpointFiles] = []
            token = _OPENED.set(opened)
            try:
                result = load(*args, **kwargs)
            except CheckpointChangedError:
                continue
            except Exception:
                if not any(files.changed() for files in opened):
                    raise
            else:
                if not any(files.changed() for files in opened):
                    return result
            finally:
                _OPENED.reset(token)
        places = ", ".join(files.place for files in opened)
        raise CheckpointChangedError(
            f"{places} changed each of the {_ATTEMPTS} times that it was read; wait until whatever "
            "saves there is done"
        )

    return reread
