"""A pause of the garbage collector, while a load makes many objects that all stay alive."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["gc_paused"]


class _Pauses:
    """Counts the threads that want a pause, and knows whether the collector was on before."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._ran = False

    def begin(self) -> None:
        with self._lock:
            if self._count == 0:
                self._ran = gc.isenabled()
                gc.disable()
            self._count += 1

    def end(self) -> None:
        with self._lock:
            self._count -= 1
            if self._count == 0 and self._ran:
                _age_all()
                gc.enable()


def _age_all() -> None:
    """Count all objects among the oldest, so that the next collection does not visit the new ones.

    Where somebody keeps objects from the collector, these are left alone.
    """
    if not gc.get_freeze_count():
        gc.freeze()
        gc.unfreeze()


_pauses = _Pauses()


@contextmanager
def gc_paused() -> Iterator[None]:
    """Keep the cyclic collector from running; the last of several threads restores it."""
    _pauses.begin()
    try:
        yield
    finally:
        _pauses.end()
