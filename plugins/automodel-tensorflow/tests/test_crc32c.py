"""Checksums of vectors of bytes are those of the bytes one by one."""

from __future__ import annotations

import pytest
import torch

from automodel_tensorflow.crc32c import crc32c, crc32c_of_each, masked, scratch_for

SIZES = (0, 1, 3, 4, 5, 8, 9, 100, 12_345, 84_001, 200_001)


def one_by_one(data: list[int]) -> int:
    state = 0xFFFFFFFF
    for byte in data:
        state ^= byte
        for _ in range(8):
            state = state >> 1 ^ (0x82F63B78 if state & 1 else 0)
    return state ^ 0xFFFFFFFF


def vector(text: bytes) -> torch.Tensor:
    return torch.tensor(list(text), dtype=torch.uint8)


def checksum(*pieces: torch.Tensor) -> int:
    return crc32c(pieces, scratch_for(max(map(len, pieces))))


def test_known_checksums() -> None:
    assert checksum(vector(b"123456789")) == 0xE3069283
    assert checksum(vector(bytes(32))) == 0x8A9136AA
    assert checksum(vector(b"\xff" * 32)) == 0x62A8AB43
    assert masked(0) == 0xA282EAD8


@pytest.mark.parametrize("size", SIZES)
def test_a_vector_whole_and_in_pieces(size: int) -> None:
    data = torch.randint(0, 256, (size,), dtype=torch.uint8)
    before = data.clone()
    expected = one_by_one(data.tolist())
    assert checksum(data) == expected
    assert checksum(*data.split(max(4, size // 3))) == expected
    assert torch.equal(data, before)


def test_short_vectors_together() -> None:
    drawn = [torch.randint(0, 256, (size,), dtype=torch.uint8) for size in (4, 5, 100, 7, 12)]
    assert crc32c_of_each(drawn) == [one_by_one(data.tolist()) for data in drawn]
