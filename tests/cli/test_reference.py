"""``reference`` needs transformers, and says so; its folders are compared by ``check``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from automodel_core.cli import main

Capture = pytest.CaptureFixture[str]


def test_without_transformers_it_says_what_to_install(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    assert main(["reference", "bert", str(tmp_path / "out"), "--task", "masked-lm"]) == 1
    assert "pip install transformers" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ["", "[]", json.dumps({"tasks": 1})])
def test_a_folder_that_is_no_reference_is_told(text: str, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "reference.json").write_text(text, "utf-8")
    assert main(["check", "bert", "--reference", str(tmp_path)]) == 1
    assert "reference" in capsys.readouterr().err
