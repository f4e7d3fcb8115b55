"""The shipped checkpoints answer inputs that were held out of training, as the pages say."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

DEMOS = Path(__file__).parents[2] / "docs" / "demo"


@pytest.mark.parametrize(("folder", "count", "least"), [("", 200, 0.99), ("pictures", 200, 0.97)])
def test_held_out_inputs(
    folder: str, count: int, least: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(DEMOS / folder))
    monkeypatch.delitem(sys.modules, "train", raising=False)
    train = importlib.import_module("train")
    assert train.accuracy(DEMOS / folder / "checkpoint", count) >= least


@pytest.mark.parametrize("folder", ["", "pictures"])
def test_checkpoints_stay_small(folder: str) -> None:
    files = (DEMOS / folder / "checkpoint").iterdir()
    assert sum(file.stat().st_size for file in files) < 4_000_000
