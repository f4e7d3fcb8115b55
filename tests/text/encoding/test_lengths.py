"""Padding and truncation of a call, and the types of its lengths (`lengths`, `checks`)."""

from __future__ import annotations

import pytest

from automodel_core.errors import TokenizationError
from automodel_core.text import PaddingStrategy
from automodel_core.text.encoding.checks import checked
from automodel_core.text.encoding.lengths import NO_LIMIT, Lengths


def test_padding(tokenizer):
    rows = ["a", "a b c"]
    longest = tokenizer(rows, padding=True)
    assert [len(row) for row in longest["input_ids"]] == [5, 5]
    assert longest["attention_mask"][0] == [1, 1, 1, 0, 0]
    left = tokenizer(rows, padding="longest", padding_side="left")
    assert left["attention_mask"][0] == [0, 0, 1, 1, 1]
    fixed = tokenizer(rows, padding=PaddingStrategy.MAX_LENGTH, max_length=8)
    assert [len(row) for row in fixed["input_ids"]] == [8, 8]
    multiple = tokenizer(rows, padding=True, pad_to_multiple_of=4)
    assert [len(row) for row in multiple["input_ids"]] == [8, 8]
    with pytest.warns(UserWarning, match="max_length has no effect"):
        tokenizer(rows, padding=True, max_length=3)


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("max_length", [0, None], [-1, True, 1.5]),
        ("stride", [0], [None, -1]),
        ("pad_to_multiple_of", [1, None], [0, "8"]),
        ("padding_side", ["left", "right"], ["top", None]),
        ("truncation_side", ["left", "right"], ["Left"]),
        ("model_max_length", [512, 1e30], ["512", True, float("nan")]),
        ("model_input_names", [["a"], ("a", "b")], ["a", [], [3]]),
    ],
)
def test_lengths_and_sides_have_types(name, good, bad):
    for value in good:
        assert checked(name, value) == (list(value) if isinstance(value, tuple) else value)
    for value in bad:
        with pytest.raises(TokenizationError, match=f"{name} must be .*, got "):
            checked(name, value)


def test_no_limit_is_no_length():
    free = Lengths.resolve("max_length", True, None, model_max_length=NO_LIMIT)
    assert (free.padding, free.truncation, free.max_length) == (None, None, None)
    bound = Lengths.resolve("max_length", True, None, model_max_length=512)
    assert (bound.max_length, bound.padded(3)) == (512, 512)
