"""Checkpoints and pipelines, made once for all tests of tasks."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from parity.tasks.checkpoints import write
from parity.tasks.comparing import Pipelines


@pytest.fixture(scope="session")
def pipelines(tmp_path_factory: pytest.TempPathFactory) -> Pipelines:
    @cache
    def checkpoint(name: str) -> Path:
        return write(name, tmp_path_factory.mktemp("tasks") / name)

    return Pipelines(checkpoint)
