"""CRC-32C as TensorFlow and LevelDB store it, computed by the CPU's own instruction."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable

from crc32c import crc32c
from torch import Tensor


def checksum(data: bytes) -> int:
    """Return the stored form of the checksum of some bytes."""
    return _stored(crc32c(data))


def checksum_of(pieces: Iterable[Tensor]) -> int:
    """Return the stored form of the checksum of bytes that come in pieces, vectors of ``uint8``.

    They are read where they lie, and other threads run meanwhile.
    """
    found = 0
    for piece in pieces:
        found = crc32c((ctypes.c_ubyte * len(piece)).from_address(piece.data_ptr()), found)
    return _stored(found)


def _stored(found: int) -> int:
    """Return a checksum turned and moved, so that data that hold checksums may have one."""
    return ((found >> 15 | found << 17) + 0xA282EAD8) & 0xFFFFFFFF
