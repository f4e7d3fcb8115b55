"""CRC-32C of many bytes, computed on whole vectors of words.

A checksum is a remainder of a polynomial whose coefficients are the message's bits, and remainders
are linear: words may be replaced by congruent ones. `_fold` adds the first words of a message to
three places further on, and so makes it shorter; `_remainders` joins sixteen words of what is
left, until one remains. Most of the time goes into the three additions; as many words at once take
part in each as the second level of a CPU's caches holds.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

_POLYNOMIAL = 0x82F63B78
"""Castagnoli's polynomial, its bits reversed."""
_CONGRUENT = (6777, 484, 100)
"""With ``y = x**64``, ``y**6777 + y**484 + y**100 + 1`` is a multiple of the polynomial.

So is its square, whose exponents are twice these, and the square of that. Of all such sums that are
about as short, this one has its other exponents farthest from the first: so many words are added
at once.
"""
_DOUBLED = 4
_ALL = 0xFFFFFFFF
_CPU = torch.device("cpu")


def masked(checksum: int) -> int:
    """Return a checksum as TensorFlow and LevelDB store it."""
    return ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & _ALL


def scratch_for(piece: int) -> Tensor:
    """Return memory for checksums of bytes that come in pieces of this size at most."""
    return torch.empty(piece + 8 * (_CONGRUENT[0] << _DOUBLED) + 8, dtype=torch.uint8, device=_CPU)


def crc32c(pieces: Iterable[Tensor], scratch: Tensor) -> int:
    """Return the checksum of bytes that come in pieces, vectors of ``uint8``.

    The first piece has at least four bytes, unless it is the only one. ``scratch`` is overwritten:
    to ask the system for memory takes longer than all the rest.
    """
    rest: Tensor | None = None
    for piece in pieces:
        if rest is None:
            if len(piece) < 4:
                return _ALL ^ functools.reduce(_after_byte, piece.tolist(), _ALL)
            words = _words(scratch, piece)
            words.view(torch.uint8)[-len(piece) :][:4] ^= 0xFF
        else:
            words = _words(scratch, rest.clone(), piece)
        rest = _fold(words, _DOUBLED).view(torch.uint8)
    if rest is None:
        return 0
    words = rest.view(torch.int64)
    for doubled in reversed(range(_DOUBLED)):
        words = _fold(words, doubled)
    return _checksums(words.view(torch.int32)[None])[0]


def crc32c_of_each(messages: Sequence[Tensor]) -> list[int]:
    """Return the checksums of many short vectors of ``uint8``, of at least four bytes each."""
    longest = -(-max(map(len, messages)) // 4) * 4
    rows = torch.zeros(len(messages), longest, dtype=torch.uint8, device=_CPU)
    for row, message in zip(rows, messages, strict=True):
        row = row[-len(message) :].copy_(message)
        row[:4] ^= 0xFF
    return _checksums(rows.view(torch.int32))


def _words(scratch: Tensor, *pieces: Tensor) -> Tensor:
    """Return bytes as words of 64 bits, in ``scratch``; zeros before a message change nothing."""
    size = sum(map(len, pieces))
    message = scratch[: -(-size // 8) * 8]
    message[:8] = 0
    torch.cat(pieces, out=message[-size:])
    return message.view(torch.int64)


def _fold(words: Tensor, doubled: int) -> Tensor:
    """Return fewer words that leave the same remainder; ``words`` are overwritten."""
    first, second, third = (exponent << doubled for exponent in _CONGRUENT)
    start, count = 0, len(words)
    while count - start > first:
        length = min(first - second, count - start - first)
        added = words[start : start + length]
        for distance in (first - second, first - third, first):
            words.narrow(0, start + distance, length).bitwise_xor_(added)
        start += length
    return words[start:]


def _checksums(words: Tensor) -> list[int]:
    """Return the checksum of each row of words of 32 bits."""
    return [_ALL ^ _after_word(word & _ALL) for word in _remainders(words).tolist()]


def _remainders(words: Tensor) -> Tensor:
    """Return the one word of 32 bits that leaves the same remainder, for each row."""
    level = 0
    while words.shape[1] > 1:
        words = functional.pad(words, (-words.shape[1] % _JOINED, 0))
        places = words.view(torch.uint8).view(-1, 4 * _JOINED) + _PLACES
        found = _table(level).index_select(0, places.view(-1)).view(-1, 4 * _JOINED)
        while found.shape[1] > 1:
            first, second = found.chunk(2, 1)
            found = first ^ second
        words, level = found.view(len(words), -1), level + 1
    return words[:, 0]


_JOINED = 16
"""So many words become one at a time."""
_PLACES = torch.arange(0, 1024 * _JOINED, 256, dtype=torch.int32, device=_CPU)
"""Where in a table the entries of each of their bytes begin."""


@functools.cache
def _table(level: int) -> Tensor:
    """Return what each value of each byte leaves of words that ``16**level - 1`` others follow."""
    words, columns = [], [1 << bit for bit in range(32)]
    for _ in range(_JOINED):
        words.append(columns)
        columns = [_combined(column, _columns(level)) for column in columns]
    bits = torch.tensor(words[::-1], device=_CPU).to(torch.int32).view(-1, 8)
    table = bits.new_zeros(len(bits), 1)
    for bit in bits.split(1, 1):
        table = torch.cat((table, table ^ bit), 1)
    return table.view(-1)


@functools.cache
def _columns(level: int) -> list[int]:
    """Return what becomes of each bit of a word before ``16**level`` others."""
    if level == 0:
        return [_after_word(1 << bit) for bit in range(32)]
    columns = _columns(level - 1)
    for _ in range(_JOINED.bit_length() - 1):
        columns = [_combined(column, columns) for column in columns]
    return columns


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
