"""Checksums of bytes, and of tensors whole and in pieces, are those computed bit by bit."""

from __future__ import annotations

import pytest
import torch

from automodel_tensorflow.checksums import checksum, checksum_of


def bit_by_bit(data: bytes) -> int:
    state = 0xFFFFFFFF
    for byte in data:
        state ^= byte
        for _ in range(8):
            state = state >> 1 ^ (0x82F63B78 if state & 1 else 0)
    found = state ^ 0xFFFFFFFF
    return ((found >> 15 | found << 17) + 0xA282EAD8) % (1 << 32)


def test_known_checksums() -> None:
    assert bit_by_bit(b"") == 0xA282EAD8
    known = 0xE3069283
    assert checksum(b"123456789") == ((known >> 15 | known << 17) + 0xA282EAD8) % (1 << 32)


@pytest.mark.parametrize("size", [0, 1, 3, 8, 100, 12_345, 84_001])
def test_tensors_whole_and_in_pieces(size: int) -> None:
    data = torch.randint(0, 256, (size,), dtype=torch.uint8)
    expected = bit_by_bit(bytes(data.tolist()))
    assert checksum(bytes(data.tolist())) == expected
    assert checksum_of([data]) == expected
    assert checksum_of(data.split(max(4, size // 3))) == expected
