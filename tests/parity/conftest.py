"""Gives the tests of an architecture's story their cases, heads and generating heads."""

from __future__ import annotations

import pytest


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    family = getattr(metafunc.cls, "family", None)
    if family is None:
        return
    for fixture, values in (
        ("name", tuple(family.cases)),
        ("head", family.heads),
        ("writer", family.writers),
    ):
        if fixture in metafunc.fixturenames:
            metafunc.parametrize(fixture, values)
