"""Files on their way from the hub: how far they are, and whether they came as announced."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from automodel_core.checkpoint.places.locks.digests import sha256_of

__all__ = ["forget", "is_as_announced", "one_bar"]

_SHA256 = re.compile(r"[0-9a-f]{64}")


def is_as_announced(local: Path) -> bool:
    """Return whether a file of the cache has the sha256 that the hub announced for it.

    The client names what it keeps by the announced tag, which for large files is their sha256.
    True for files that have another kind of tag, and where the cache keeps no tags.
    """
    kept = local.resolve()
    if not _SHA256.fullmatch(kept.name):
        return True
    return sha256_of(kept) == kept.name


def forget(local: Path) -> None:
    """Remove a file from the cache, and what it links to."""
    local.resolve().unlink(missing_ok=True)
    local.unlink(missing_ok=True)


@contextmanager
def one_bar(count: int) -> Iterator[type[Any] | None]:
    """Show one progress bar for several files, and return the class of each one's part of it.

    ``None`` with a client that shows each file in a bar of its own.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.utils import tqdm  # type: ignore[attr-defined]

    if "tqdm_class" not in inspect.signature(hf_hub_download).parameters:
        yield None
        return
    bar: Any = tqdm
    with bar(total=0, desc=f"Fetching {count} files", unit="B", unit_scale=True) as whole:

        class Part(bar):  # type: ignore[misc]
            """What the client takes for the bar of one file; it moves the bar of all."""

            def __init__(self, *_: Any, total: float = 0, initial: float = 0, **__: Any) -> None:
                super().__init__(disable=True)
                whole.total += total or 0
                whole.update(initial)

            def update(self, n: float | None = 1) -> None:
                whole.update(n or 0)

        yield Part
