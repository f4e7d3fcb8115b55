"""CRC-32C of many bytes, computed on whole vectors of words.

A checksum is a remainder of a polynomial whose coefficients are the message's bits, and remainders
are linear: words may be replaced by congruent ones. `_fold` adds the first words of a message to
three places further on, and so makes it shorter; `_remainder` halves what is left, until one word
remains.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable

import torch
from torch import Tensor

_POLYNOMIAL = 0x82F63B78
"""Castagnoli's polynomial, its bits reversed."""
_CONGRUENT = (5275, 4508, 2751)
"""With ``y = x**64``, ``y**5275 + y**4508 + y**2751 + 1`` is a multiple of the polynomial.

So is its square, whose exponents are twice these, and the square of that.
"""
_DOUBLED = 5
_ALL = 0xFFFFFFFF
_CPU = torch.device("cpu")


def masked(checksum: int) -> int:
    """Return a checksum as TensorFlow and LevelDB store it."""
    return ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & _ALL


def crc32c(pieces: Iterable[Tensor]) -> int:
    """Return the checksum of bytes that come in pieces, vectors of ``uint8``.

    The first piece has at least four bytes, unless it is the only one.
    """
    rest: Tensor | None = None
    for piece in pieces:
        if rest is None:
            if len(piece) < 4:
                return _ALL ^ functools.reduce(_after_byte, piece.tolist(), _ALL)
            words = _words(piece)
            words.view(torch.uint8)[-len(piece) :][:4] ^= 0xFF
        else:
            words = _words(rest, piece)
        rest = _fold(words).view(torch.uint8)
    if rest is None:
        return 0
    return _ALL ^ _after_word(_remainder(rest.view(torch.int32)))


def _words(*pieces: Tensor) -> Tensor:
    """Return a copy of bytes as words of 64 bits; zeros before a message change nothing."""
    size = sum(map(len, pieces))
    message = torch.zeros(-(-size // 8) * 8, dtype=torch.uint8, device=_CPU)
    torch.cat(pieces, out=message[-size:])
    return message.view(torch.int64)


def _fold(words: Tensor) -> Tensor:
    """Return fewer words that leave the same remainder; ``words`` are overwritten."""
    start, count = 0, len(words)
    for scale in (1 << power for power in range(_DOUBLED, -1, -1)):
        first, second, third = (exponent * scale for exponent in _CONGRUENT)
        while count - start > first:
            length = min(first - second, count - start - first)
            for distance in (first - second, first - third, first):
                place = start + distance
                words[place : place + length] ^= words[start : start + length]
            start += length
    return words[start:]


def _remainder(words: Tensor) -> int:
    """Return the one word of 32 bits that leaves the same remainder."""
    level = 0
    while len(words) > 1:
        if len(words) % 2:
            words = torch.cat((words.new_zeros(1), words))
        low, high = _shift(level)
        front = words[0::2]
        front = low.index_select(0, front & 0xFFFF) ^ high.index_select(0, front >> 16 & 0xFFFF)
        words = front ^ words[1::2]
        level += 1
    return int(words[0]) & _ALL


@functools.cache
def _shift(level: int) -> tuple[Tensor, Tensor]:
    """Return what becomes of a word before ``2**level`` others, by its lower and upper half."""
    columns = torch.tensor(_columns(level), device=_CPU).to(torch.int32)
    tables = []
    for half in (columns[:16], columns[16:]):
        table = columns.new_zeros(1)
        for column in half:
            table = torch.cat((table, table ^ column))
        tables.append(table)
    return tables[0], tables[1]


@functools.cache
def _columns(level: int) -> list[int]:
    """Return what becomes of each bit of a word before ``2**level`` others."""
    if level == 0:
        return [_after_word(1 << bit) for bit in range(32)]
    half = _columns(level - 1)
    return [_combined(column, half) for column in half]


def _combined(word: int, columns: list[int]) -> int:
    chosen = (column for bit, column in enumerate(columns) if word >> bit & 1)
    return functools.reduce(int.__xor__, chosen, 0)


def _after_word(state: int) -> int:
    return functools.reduce(_after_byte, bytes(4), state)


def _after_byte(state: int, byte: int) -> int:
    state ^= byte
    for _ in range(8):
        state = state >> 1 ^ (_POLYNOMIAL if state & 1 else 0)
    return state
