"""Read the fields of protobuf messages, and numbers of variable length."""

from __future__ import annotations

from collections.abc import Iterator

Field = tuple[int, int | bytes]
"""A field's number and its value: bytes for what has a length or a fixed size."""

_FIXED = {1: 8, 5: 4}
"""The wire types of fixed size, and that size."""


def varint(data: bytes, place: int) -> tuple[int, int]:
    """Return the number at a place, and the place behind it; raise `ValueError` at the end."""
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(data):
            break
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    raise ValueError(f"a number at byte {place} has no end")


def fields(data: bytes) -> Iterator[Field]:
    """Yield the fields of a message in their order; raise `ValueError` if it is none."""
    place = 0
    while place < len(data):
        key, place = varint(data, place)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, place = varint(data, place)
            yield number, value
            continue
        length = _FIXED.get(wire)
        if wire == 2:
            length, place = varint(data, place)
        if length is None or length > len(data) - place:
            raise ValueError(f"field {number} has no end")
        yield number, data[place : place + length]
        place += length
