"""Settings of the tests that run other packages with our models.

Of warnings, those of our own code are errors; other packages may warn, also while they are
imported. Nothing is asked of the hub.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Generator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
QUIET = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}

for name, value in QUIET.items():
    os.environ.setdefault(name, value)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return (yield)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore", "error:::automodel_"))
