"""The worked example of the plugin author's guide, treated like a stranger's package."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "example" / "automodel-nano"
GUIDE = ROOT / "docs" / "plugins.md"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the example and install it into a folder of its own, outside the source tree."""
    folder = tmp_path_factory.mktemp("stranger")
    source = shutil.copytree(EXAMPLE, folder / "source")
    site = folder / "site"
    command = ["install", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    run(folder, sys.executable, "-m", "pip", *command, "--target", str(site), str(source))
    return site


def run(folder: Path, *command: str, **variables: str) -> str:
    """Run a command elsewhere and return what it prints."""
    environment = {**os.environ, "PYTHONPATH": "", **variables}
    ran = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_the_example_passes_its_tests(installed: Path, tmp_path: Path) -> None:
    tests = shutil.copytree(EXAMPLE / "tests", tmp_path / "tests")
    shutil.copy(EXAMPLE / "pyproject.toml", tmp_path)
    printed = run(
        tmp_path, sys.executable, "-m", "pytest", "-q", str(tests), PYTHONPATH=str(installed)
    )
    assert re.search(r"\d{2} passed", printed), printed


def test_the_command_line_lists_it(installed: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "automodel_core", "info", "nano", "--json"]
    described = json.loads(run(tmp_path, *command, PYTHONPATH=str(installed)))
    assert "automodel-nano" in json.dumps(described)


def test_the_guide_shows_the_files_of_the_example() -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    shown = re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", guide, flags=re.DOTALL)
    assert len(shown) >= 5
    for name, text in shown:
        file = (EXAMPLE / name).read_text(encoding="utf-8")
        parts = [part.strip("\n") for part in re.split(r"^ *# \.\.\.$", text, flags=re.MULTILINE)]
        for part in parts:
            assert part in file, f"{GUIDE.name} shows in {name} what is not there:\n{part}"
