"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

__all__ = ["atomic_write", "new_sibling"]


def new_sibling(path: Path) -> tuple[BinaryIO, Path]:
    """Open a new file with a temporary name beside ``path``; it has usual permissions."""
    temporary = path.with_name(f".{path.name[:80]}.{secrets.token_hex(6)}.tmp")
    return temporary.open("xb"), temporary


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Write a file that takes the place of ``path`` at the end; a failure leaves the old one."""
    path = Path(path)
    file, temporary = new_sibling(path)
    try:
        with file:
            yield file
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
