"""Digests of files, as locks and the hub's tags have them."""

from __future__ import annotations

import hashlib
from pathlib import Path

__all__ = ["git_blob_of", "sha256_of"]

_PIECE = 1 << 20


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file, in hexadecimal digits."""
    return _digest(path, hashlib.sha256())


def git_blob_of(path: Path) -> str:
    """Return the name that git gives to the content of a file, a sha1."""
    head = f"blob {path.stat().st_size}\0".encode()
    return _digest(path, hashlib.sha1(head, usedforsecurity=False))


def _digest(path: Path, digest: hashlib._Hash) -> str:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()
