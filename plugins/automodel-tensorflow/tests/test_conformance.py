"""The conformance suite of extensions."""

from __future__ import annotations

from collections.abc import Callable

from automodel_core.testing import extension_checks


@extension_checks("automodel-tensorflow")
def test_conformance(check: Callable[[], None]) -> None:
    check()
