"""Variables that a checkpoint holds in several slices, as TensorFlow's partitioners cut them.

The key of a slice encodes the variable's name, then start and length along each axis, so that
bytes and numbers have the same order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from automodel_core.checkpoint import Parts
from automodel_core.errors import CheckpointFormatError, shown

Extent = tuple[int, int]
"""Start and length along an axis; the length is -1 for the whole axis."""


def slice_of(key: bytes) -> tuple[str, tuple[Extent, ...]]:
    """Return the variable's name and the extents that the key of a slice says.

    Raises `ValueError` for other keys.
    """
    end = key.index(b"\0\1")
    name = key[1:end].decode()
    place = end + 2
    digits = key[place]
    rank = int.from_bytes(key[place + 1 : place + 1 + digits], "big")
    place += 1 + digits
    numbers = []
    while place < len(key):
        number, place = _signed(key, place)
        numbers.append(number)
    if len(numbers) != 2 * rank:
        raise ValueError(f"a slice of {rank} axes has {len(numbers)} numbers")
    return name, tuple(zip(numbers[0::2], numbers[1::2], strict=True))


def _signed(key: bytes, place: int) -> tuple[int, int]:
    """Return the number at a place: as many bytes as the first one begins with ones."""
    is_negative = key[place] < 0x80
    inverted = 0xFF if is_negative else 0
    first = key[place] ^ inverted
    length = 8 - (first ^ 0xFF).bit_length()
    digits = bytes(byte ^ inverted for byte in key[place : place + length])
    if not 1 <= length == len(digits) < 8:
        raise ValueError("a number has no end")
    value = int.from_bytes(digits, "big") & ((1 << (7 * length)) - 1)
    return (~value if is_negative else value), place + length


def joined_slices(
    shapes: Mapping[str, tuple[int, ...]],
    slices: Iterable[tuple[str, str, tuple[Extent, ...]]],
    where: str,
) -> dict[str, Parts]:
    """Return how the variables of these shapes are joined of slices, which must fill them.

    A slice is its own name, the variable's, and its extents.
    """
    found: dict[str, list[tuple[tuple[Extent, ...], str]]] = {name: [] for name in shapes}
    for part, name, extents in slices:
        if name not in found or len(extents) != len(shapes[name]):
            raise CheckpointFormatError(f"{where}: a slice of {shown(name)}, which is not whole")
        spans = zip(extents, shapes[name], strict=True)
        absolute = tuple((start, size if length < 0 else length) for (start, length), size in spans)
        found[name].append((absolute, part))
    return {
        name: _joined(shapes[name], sorted(parts), name, where) for name, parts in found.items()
    }


def _joined(
    shape: tuple[int, ...], parts: list[tuple[tuple[Extent, ...], str]], name: str, where: str
) -> Parts:
    """Check that slices follow each other along one axis and span the others."""
    whole = tuple((0, size) for size in shape)
    first = parts[0][0] if parts else whole
    axis = next((axis for axis, extent in enumerate(first) if extent != whole[axis]), 0)
    reached = 0
    for extents, _ in parts:
        others = extents[:axis] + extents[axis + 1 :]
        if others != whole[:axis] + whole[axis + 1 :] or not extents or extents[axis][0] != reached:
            break
        reached += extents[axis][1]
    else:
        if shape and reached == shape[axis]:
            return Parts(tuple(part for _, part in parts), axis, shape)
    raise CheckpointFormatError(
        f"{where}, tensor {shown(name)}: its slices do not follow each other along one axis of "
        f"{shown(list(shape))}"
    )
