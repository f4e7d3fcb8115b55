"""How much is tried: a little in the usual run, more in ``nox -s faults``."""

from __future__ import annotations

import multiprocessing
import os
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from support.hub import hub

__all__ = ["children", "hub", "tries"]

TESTS = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def tries() -> int:
    """How many kills to try; other faults are tried in proportion."""
    return int(os.environ.get("FAULTS", "30"))


@pytest.fixture(scope="session")
def children() -> ForkServerContext:
    """A source of processes that have torch imported already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["support.marked", "support.reading"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(TESTS))  # the server finds what it loads by this alone
        patch.setenv("OMP_NUM_THREADS", "1")
        forkserver.ensure_running()
    return context
