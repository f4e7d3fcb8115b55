"""Type checkers follow editable installs, and know the Auto classes of extensions."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest

from automodel_core.cli.scaffold.files import plugin_files
from automodel_core.cli.scaffold.new import write_files

ROOT = Path(__file__).parents[2]
BUILD = "import sys; from setuptools import build_meta as b; print(b.build_editable(sys.argv[1]))"
NEEDS = ("torch", "typing_extensions", "pluggy", "tokenizers", "huggingface_hub")
SCRIPT = '''
"""Every line is right, but for those that are marked."""

from typing_extensions import assert_type

from automodel_bert import BertModel
from automodel_core import AutoModelForMaskedLM
from automodel_core.modeling import PreTrainedModel
from automodel_extras import AutoModelForTextEmbedding, TextEmbeddingModel, TextEmbeddingOutput
from automodel_my_task import (
    AutoModelForMyTaskEmbedding,
    MyTaskEmbeddingModel,
    MyTaskEmbeddingOutput,
)

assert_type(BertModel.from_pretrained("x"), BertModel)
assert_type(AutoModelForMaskedLM.from_pretrained("x"), PreTrainedModel)
model = AutoModelForTextEmbedding.from_pretrained("x", dtype="float16", strict="full")
assert_type(model, TextEmbeddingModel)
assert_type(model(input_ids=None), TextEmbeddingOutput)
mine = AutoModelForMyTaskEmbedding.from_config(model.config)
assert_type(mine, MyTaskEmbeddingModel)
assert_type(mine(None), MyTaskEmbeddingOutput)
model(None).embedings  # wrong
AutoModelForMyTaskEmbedding.from_pretrained("x", strict="most")  # wrong
'''


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an environment with editable installs, as pip makes them, and all that they need."""
    folder = tmp_path_factory.mktemp("editable")
    sources = folder / "sources"
    unwanted = shutil.ignore_patterns("tests", "build", "*.egg-info", "__pycache__")
    for project in (
        ROOT / "plugins" / "automodel-bert",
        ROOT / "docs" / "examples" / "automodel-extras",
    ):
        shutil.copytree(project, sources / project.name, ignore=unwanted)
    core = sources / "automodel-core"
    shutil.copytree(ROOT / "automodel_core", core / "automodel_core", ignore=unwanted)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, core)
    write_files(plugin_files("my-task", "extension"), sources / "automodel-my-task")
    venv.create(folder / "venv", symlinks=os.name != "nt")
    scripts = "Scripts" if os.name == "nt" else "bin"
    (site,) = (folder / "venv").rglob("site-packages")
    for source in sorted(sources.iterdir()):
        command = [sys.executable, "-c", BUILD, str(folder)]
        done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        wheel = folder / done.stdout.splitlines()[-1]
        zipfile.ZipFile(wheel).extractall(site)
        assert not [*site.glob("*_finder.py")], f"{source.name} is found by code, not by a path"
    (site / "zz_needs.pth").write_text(needed(), "utf-8")
    return folder / "venv" / scripts / "python"


def needed() -> str:
    """Return the folders of what the distributions import, a line each."""
    places = {str(distribution(name).locate_file("")) for name in NEEDS}
    return "\n".join(sorted(places))


@pytest.mark.parametrize("tool", ["mypy", "pyright"])
def test_type_checkers_follow_editable_installs(python: Path, tool: str, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    options = {
        "mypy": ["--strict", "--python-executable", str(python), "--config-file", os.devnull],
        "pyright": ["--pythonpath", str(python)],
    }
    command = [sys.executable, "-m", tool, *options[tool], str(script)]
    environment = {name: value for name, value in os.environ.items() if name != "MYPYPATH"}
    done = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    told = {int(line) for line in re.findall(r"script\.py:(\d+)\S*:? (?:-? ?)error", done.stdout)}
    lines = SCRIPT.splitlines()
    wrong = {number for number, line in enumerate(lines, 1) if line.endswith("# wrong")}
    assert told == wrong, done.stdout + done.stderr


def test_they_run(python: Path) -> None:
    names = "AutoModelForTextEmbedding, AutoModelForMyTaskEmbedding"
    code = f"import sys; from automodel_core import {names}; assert 'torch' not in sys.modules"
    subprocess.run([python, "-I", "-c", code], check=True)
