"""Errors and warnings say what a user can act on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from automodel_core import AutoConfig
from automodel_core.errors import shown, warn_caller


def test_a_warning_names_the_line_outside(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "tiny-warned"}')
    with pytest.warns(UserWarning, match="something") as caught:
        warn_caller("something")
    assert caught[0].filename == __file__
    with (
        pytest.warns(FutureWarning, match="mirror") as caught,
        pytest.raises(ValueError, match="tiny"),
    ):
        AutoConfig.from_pretrained(tmp_path, mirror="x")
    assert caught[0].filename == __file__


def test_a_warning_needs_no_line_outside() -> None:
    code = "from automodel_core.errors import warn_caller as warn; warn('alone')"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "UserWarning: alone" in run.stderr


def test_values_are_cut_and_escaped() -> None:
    assert shown("a\n") == "'a\\n'"
    assert len(shown("a" * 1000)) == 200
