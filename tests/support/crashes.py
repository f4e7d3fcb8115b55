"""What a folder looks like at every moment of a save, as a kill at that moment would leave it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from automodel_core.checkpoint.places import exchange

__all__ = ["states_on_the_way"]

_WATCHED = {exchange.__file__, shutil.__file__}


def states_on_the_way(save: Callable[[], object], folder: Path, copies: Path) -> list[Path]:
    """Run ``save``, and return a copy of ``folder`` for every line that changed it, in order.

    Lines are those of the exchange and of what removes folders; everything that renames, removes
    or makes files is on one of them.
    """
    found: list[Path] = []
    last: list[tuple[str, bytes | None]] = []

    def watch(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal last
        if frame.f_code.co_filename not in _WATCHED:
            return None
        sys.settrace(None)
        state = list(_state(folder))
        if state != last:
            last = state
            found.append(copies / str(len(found)))
            shutil.copytree(folder, found[-1])
        sys.settrace(watch)
        return watch

    before = sys.gettrace()
    sys.settrace(watch)
    try:
        save()
    finally:
        sys.settrace(before)
    return found


def _state(folder: Path) -> Iterator[tuple[str, bytes | None]]:
    for path in sorted(folder.rglob("*")):
        yield str(path), path.read_bytes() if path.is_file() else None
