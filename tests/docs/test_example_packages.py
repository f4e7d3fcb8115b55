"""The packages under docs/examples, as a stranger's: built as wheels, installed, run elsewhere."""

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
EXAMPLES = sorted((ROOT / "docs" / "examples").iterdir())
MOST_LINES = 250


def run(folder: Path, *command: str, **variables: str) -> str:
    """Run a command elsewhere and return what it prints."""
    environment = {**os.environ, "PYTHONPATH": "", **variables}
    ran = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture(scope="module", params=EXAMPLES, ids=lambda path: path.name)
def example(request: pytest.FixtureRequest) -> Path:
    folder: Path = request.param
    return folder


@pytest.fixture(scope="module")
def site(example: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the example's wheel and install it into a folder, outside the source tree."""
    folder = tmp_path_factory.mktemp("stranger")
    source = shutil.copytree(example, folder / "source")
    pip = (sys.executable, "-m", "pip")
    run(folder, *pip, "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index", str(source))
    (wheel,) = folder.glob("*.whl")
    run(folder, *pip, "install", "-q", "--no-deps", "--no-index", "--target", "site", str(wheel))
    return folder / "site"


def test_an_example_passes_its_tests(example: Path, site: Path, tmp_path: Path) -> None:
    tests = shutil.copytree(example / "tests", tmp_path / "tests")
    shutil.copy(example / "pyproject.toml", tmp_path)
    pytest_command = ("-m", "pytest", "-q", "-p", "no:cacheprovider", str(tests))
    printed = run(tmp_path, sys.executable, *pytest_command, PYTHONPATH=str(site))
    assert re.search(r"\d+ passed", printed), printed
    assert "failed" not in printed


def test_the_command_line_lists_an_example(example: Path, site: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "automodel_core", "list", "--json"]
    listed = run(tmp_path, *command, PYTHONPATH=str(site))
    assert example.name in json.dumps(json.loads(listed))
    run(tmp_path, *command[:3], "doctor", "--imports", PYTHONPATH=str(site))


def test_an_example_is_small(example: Path) -> None:
    modules = (example / example.name.replace("-", "_")).glob("*.py")
    lines = [line for module in modules for line in module.read_text("utf-8").splitlines()]
    assert sum(1 for line in lines if line.strip()) <= MOST_LINES


@pytest.mark.parametrize(("page", "folder"), [("plugins", "automodel-nano"), ("hooks", "")])
def test_a_page_shows_the_files_of_an_example(page: str, folder: str) -> None:
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    shown = re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", text, flags=re.DOTALL)
    assert len(shown) >= 5
    for name, block in shown:
        file = (ROOT / "docs" / "examples" / folder / name).read_text(encoding="utf-8")
        parts = [part.strip("\n") for part in re.split(r"^ *# \.\.\.$", block, flags=re.MULTILINE)]
        for part in parts:
            assert part in file, f"{page}.md shows in {name} what is not there:\n{part}"
