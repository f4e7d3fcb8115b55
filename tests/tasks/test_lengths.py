"""Batches hold chunks of like length, so that little of them is padding."""

from __future__ import annotations

import random

import pytest

from automodel_core.tasks.base.lengths import Bounds, batches_by_length


def drawn(count: int) -> list[int]:
    chance = random.Random(0)
    return [max(3, min(int(chance.lognormvariate(3.1, 0.5)), 128)) for _ in range(count)]


def test_padding_costs_almost_nothing() -> None:
    lengths = drawn(2000)
    batches = list(batches_by_length(lengths, [0] * 2000, Bounds(None, 2048)))
    assert sorted(position for batch in batches for position in batch) == list(range(2000))
    padded = [len(batch) * max(lengths[position] for position in batch) for batch in batches]
    assert max(padded) <= 2048
    assert sum(padded) < 1.05 * sum(lengths)
    assert len(batches) < 1.4 * sum(lengths) / 2048


@pytest.mark.parametrize("rows", [1, 3, 8])
def test_rows_are_bounded(rows: int) -> None:
    lengths = drawn(50)
    batches = list(batches_by_length(lengths, [0] * 50, Bounds(rows, None)))
    assert {len(batch) for batch in batches[:-1]} == {rows}
    longest = [lengths[batch[0]] for batch in batches]
    assert longest == sorted(longest, reverse=True)


def test_a_batch_is_of_one_form() -> None:
    batches = list(batches_by_length([1] * 6, "ababab", Bounds(4, None)))
    assert batches == [[0, 2, 4], [1, 3, 5]]


def test_what_is_longer_than_a_batch_is_one_by_itself() -> None:
    assert list(batches_by_length([9, 9, 2], [0] * 3, Bounds(None, 4))) == [[0], [1], [2]]
