"""Fixtures for the tests of checkpoints."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.hub import FakeHub, serving_hub


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[FakeHub]:
    """A hub on this machine, empty, with a cache in ``tmp_path / "cache"``."""
    with serving_hub(tmp_path / "cache") as server:
        yield server
