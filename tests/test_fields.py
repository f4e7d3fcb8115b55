"""Typed fields: what an annotation accepts, and what it says when it does not."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest

from automodel_core.fields import (
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    Probability,
    Range,
    check_for,
    describe,
)

ACCEPTED: list[tuple[Any, list[object], list[object]]] = [
    (int, [0, -3, 10**30], [True, 1.0, "1", None]),
    (float, [0, 1.5, -2], [True, float("nan"), float("inf"), "1.5", None]),
    (bool, [True, False], [0, 1, "true", None]),
    (str, ["", "x"], [1, None, b"x"]),
    (PositiveInt, [1, 7], [0, -1, 1.0, True]),
    (NonNegativeInt, [0, 7], [-1, 0.0, False]),
    (PositiveFloat, [1e-9, 3], [0, 0.0, -1]),
    (NonNegativeFloat, [0, 0.0, 2.5], [-1e-9]),
    (Probability, [0, 0.5, 1], [-0.1, 1.1]),
    (int | None, [None, 3], ["3", 3.5]),
    (PositiveInt | None, [None, 3], [0]),
    (int | list[int] | None, [1, [1, 2], [], None], [[1, "2"], "1", {1: 2}]),
    (list[str], [["a"], []], ["a", [1], None]),
    (dict[int, str], [{0: "a"}, {}], [[0], {"a": "b"}, {0: 1}]),
    (Literal["a", "b"], ["a", "b"], ["c", None, ["a"]]),
    (Annotated[int, Range(2, 4)], [2, 3, 4], [1, 5]),
    (Any, [None, object, "x", [1]], []),
]


@pytest.mark.parametrize(("annotation", "good", "bad"), ACCEPTED)
def test_what_is_accepted(annotation: Any, good: list[object], bad: list[object]) -> None:
    check = check_for(annotation)
    for value in good:
        assert check(value) == value
    for value in bad:
        with pytest.raises(ValueError, match=r"."):
            check(value)


def test_values_take_the_form_of_their_type() -> None:
    assert check_for(list[int])((1, 2)) == [1, 2]
    assert check_for(dict[int, str])({"0": "no", "-1": "none"}) == {0: "no", -1: "none"}
    assert check_for(dict[str, int])({"0": 1}) == {"0": 1}


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (PositiveInt, "int >= 1"),
        (PositiveFloat, "float > 0"),
        (Probability, "float >= 0 and <= 1"),
        (int | None, "int or None"),
        (list[str], "list of str"),
        (dict[int, str], "dict of int to str"),
        (Literal["x", "y"], "one of 'x', 'y'"),
        (list[int] | None, "list of int or None"),
    ],
)
def test_errors_say_what_is_expected(annotation: Any, words: str) -> None:
    assert describe(annotation) == words
    with pytest.raises(ValueError, match=r"^" + words.replace("(", r"\(") + "$"):
        check_for(annotation)(object())


def test_a_range_out_of_reach_says_so() -> None:
    with pytest.raises(ValueError, match=r"^float >= 0 and <= 1$"):
        check_for(Probability)(7)
    assert 3 in Range(minimum=3)
    assert 3 not in Range(minimum=3, open_below=True)
