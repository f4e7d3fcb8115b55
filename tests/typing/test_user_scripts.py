"""What a user writes, as mypy and pyright see it: right lines are no error, misspelt ones are."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = Path(__file__).parent / "scripts"
SOURCES = [str(path) for path in (ROOT, *sorted(ROOT.glob("plugins/automodel-*")))]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
OLDEST = "3.10"

Errors = dict[str, dict[int, str]]
"""A message for each line with an error, by file."""


def mypy(folder: Path) -> Errors:
    """Return what ``mypy --strict`` finds in the scripts of a folder."""
    options = ["--strict", "--follow-imports=silent", "--output=json", "--python-version", OLDEST]
    where = ["--config-file", os.devnull, "--cache-dir", str(folder.with_name("cache"))]
    out = answer("mypy", *options, *where, str(folder), MYPYPATH=os.pathsep.join(SOURCES))
    found: Errors = {}
    for line in out.splitlines():
        error = json.loads(line)
        found.setdefault(Path(error["file"]).name, {})[error["line"]] = error["message"]
    return found


def pyright(folder: Path) -> Errors:
    """Return what pyright, in its basic mode, finds in the scripts of a folder."""
    settings = {"extraPaths": SOURCES, "pythonVersion": OLDEST, "typeCheckingMode": "basic"}
    project = folder / "pyrightconfig.json"
    project.write_text(json.dumps(settings), encoding="utf-8")
    out = answer("pyright", "--outputjson", "--pythonpath", sys.executable, "-p", str(project))
    found: Errors = {}
    for error in json.loads(out)["generalDiagnostics"]:
        if error["severity"] == "error":
            line = error["range"]["start"]["line"] + 1
            found.setdefault(Path(error["file"]).name, {})[line] = error["message"]
    return found


def answer(module: str, *arguments: str, **environment: str) -> str:
    """Return what a type checker writes; a result that is none is an error of its own."""
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module", params=[mypy, pyright], ids=lambda tool: tool.__name__)
def found(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Errors:
    """Return the errors in all scripts, and in the quickstart, by one tool."""
    check: Callable[[Path], Errors] = request.param
    folder = tmp_path_factory.mktemp("user") / "scripts"
    shutil.copytree(SCRIPTS, folder)
    guide = (ROOT / "docs" / "quickstart.md").read_text(encoding="utf-8")
    (folder / "quickstart.py").write_text("\n".join(BLOCK.findall(guide)), encoding="utf-8")
    return check(folder)


@pytest.mark.parametrize("script", ["doors.py", "quickstart.py"])
def test_what_is_right_is_no_error(found: Errors, script: str) -> None:
    assert found.get(script, {}) == {}


def test_what_is_wrong_is_an_error(found: Errors) -> None:
    lines = (SCRIPTS / "mistakes.py").read_text(encoding="utf-8").splitlines()
    wrong = {number for number, line in enumerate(lines, 1) if line.endswith("# wrong")}
    assert wrong, "no line is marked"
    assert found["mistakes.py"].keys() == wrong
