"""``automodel-core export``: a checkpoint's model as a program, its tokenizer beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from automodel_core.cli import main

DEMO = Path(__file__).parents[2] / "docs" / "demo" / "checkpoint"


def test_it_writes_a_program_and_says_what_it_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "out"
    assert main(["export", str(DEMO), str(folder), "--to", "torch", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["inputs"] == ["input_ids", "attention_mask", "decoder_input_ids"]
    assert told["difference"] < 1e-4
    assert told["bytes"] == (folder / "model.pt2").stat().st_size
    assert {"config.json", "tokenizer.json"} < {path.name for path in folder.iterdir()}
    assert main(["export", str(DEMO), str(folder), "--to", "torch"]) == 1
    assert "name a new folder" in capsys.readouterr().err
