"""The shipped checkpoints answer inputs that were held out of training, as the pages say."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

DEMOS = Path(__file__).parents[2] / "docs" / "demo"


CHECKPOINTS = {
    "checkpoint": ("train", 200, 0.99),
    "pictures/checkpoint": ("train", 200, 0.97),
    "pictures/detector": ("train_detector", 200, 0.95),
    "speech/checkpoint": ("train", 100, 0.95),
}
"""The script that trained each, how many inputs to ask, and the least share of right answers."""


@pytest.mark.parametrize("checkpoint", CHECKPOINTS)
def test_held_out_inputs(checkpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    script, count, least = CHECKPOINTS[checkpoint]
    folder = DEMOS / checkpoint
    monkeypatch.syspath_prepend(str(folder.parent))
    monkeypatch.delitem(sys.modules, script, raising=False)
    assert importlib.import_module(script).accuracy(folder, count) >= least


@pytest.mark.parametrize("checkpoint", CHECKPOINTS)
def test_checkpoints_stay_small(checkpoint: str) -> None:
    files = (DEMOS / checkpoint).iterdir()
    assert sum(file.stat().st_size for file in files) < 4_000_000
