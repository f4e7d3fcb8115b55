"""Slices of a variable are found by their keys, and must fill it."""

from __future__ import annotations

import pytest

from automodel_core.checkpoint import Parts
from automodel_core.errors import CheckpointFormatError
from automodel_tensorflow.slices import joined_slices, slice_of

KEYS = {
    b"\0part/embed\0\1\1\2\x80\x83\x80\x84": ("part/embed", ((0, 3), (0, 4))),
    b"\0a\0\1\1\2\x80\x7f\xbf\xc0\x40": ("a", ((0, -1), (63, 64))),
    b"\0a\0\1\1\1\xe0\x27\x10\xf0\x0f\x42\x40": ("a", ((10_000, 1_000_000),)),
}


@pytest.mark.parametrize("key", KEYS)
def test_a_key_says_name_and_extents(key: bytes) -> None:
    assert slice_of(key) == KEYS[key]


@pytest.mark.parametrize(
    "key", [b"\0a", b"\0a\0\1", b"\0a\0\1\1\2\x80", b"\0a\0\1\1\1\xff\xff\x80"]
)
def test_other_keys_are_refused(key: bytes) -> None:
    with pytest.raises((ValueError, IndexError)):
        slice_of(key)


def test_slices_follow_each_other() -> None:
    slices = [("y", "a", ((0, -1), (2, 3))), ("x", "a", ((0, -1), (0, 2)))]
    assert joined_slices({"a": (4, 5)}, slices, "f") == {"a": Parts(("x", "y"), 1, (4, 5))}


@pytest.mark.parametrize(
    "extents",
    [
        [((0, 2), (0, -1))],
        [((0, 2), (0, -1)), ((3, 1), (0, -1))],
        [((0, 2), (0, -1)), ((1, 3), (0, -1))],
        [((0, 2), (0, 2)), ((2, 2), (2, 3))],
        [((0, 4),)],
        [],
    ],
)
def test_slices_that_leave_a_hole_are_refused(extents: list[tuple[tuple[int, int], ...]]) -> None:
    slices = [(str(number), "a", extent) for number, extent in enumerate(extents)]
    with pytest.raises(CheckpointFormatError, match="'a'"):
        joined_slices({"a": (4, 5)}, slices, "f")
