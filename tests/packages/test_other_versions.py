"""Built wheels of other versions: an older plugin on this core, a newer one, and an older core."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from automodel_core.registry import PLUGIN_API

ROOT = Path(__file__).parents[2]
MAJOR, MINOR = PLUGIN_API
OLDER, NEWER = (MAJOR, MINOR - 1), (MAJOR, MINOR + 1)
PYPROJECT = """
[build-system]
requires = ["setuptools>=77.0.3"]
build-backend = "setuptools.build_meta"
[project]
name = "automodel-{name}"
version = "1.0"
[project.entry-points."automodel.architectures"]
{name} = "automodel_{name}"
[project.entry-points."automodel.extensions"]
{name} = "automodel_{name}"
[tool.setuptools]
py-modules = ["automodel_{name}"]
"""
PLUGIN = """
from automodel_core import Architecture, DecodingStrategy, hookimpl

@hookimpl
def automodel_architectures():
    small = "automodel_core.testing.small_models:Small"
    return [Architecture(
        model_type="{name}", plugin_api={api}, config=small + "TextConfig",
        models={{"causal-lm": small + "TextForCausalLM"}}, {field}
    )]

@hookimpl
def automodel_decoding_strategies():
    function = "automodel_core.generation.strategies.sampling:sample"
    return [DecodingStrategy(name="{name}", function=function, plugin_api={api})]
"""
ASK = """
import json, warnings
warnings.simplefilter("ignore")
from automodel_core import registry
from automodel_core.errors import AutomodelError
told = {"api": registry.PLUGIN_API}
registry.plugins.load_all()
for record in registry.plugins.records():
    if record.is_architecture:
        try:
            found = registry.get(record.names[0]).models.get("causal-lm", "")
        except AutomodelError as error:
            found = str(error)
        told[record.names[0]] = [str(record.state), found]
told["strategies"] = sorted(registry.parts.every(registry.DecodingStrategy))
print(json.dumps(told))
"""


def build(source: Path, wheels: Path) -> None:
    """Build the wheel of a source tree."""
    command = ["pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([sys.executable, "-m", *command, "-w", wheels, source], check=True)


def plugin(folder: Path, name: str, api: tuple[int, int], field: str = "") -> Path:
    """Write the source of a plugin for a plugin API."""
    source = folder / name
    source.mkdir()
    (source / "pyproject.toml").write_text(PYPROJECT.format(name=name), "utf-8")
    text = PLUGIN.format(name=name, api=api, field=field)
    (source / f"automodel_{name}.py").write_text(text, "utf-8")
    return source


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Install the plugins of two versions, from wheels."""
    folder = tmp_path_factory.mktemp("versions")
    for name, api, field in (
        ("older", OLDER, ""),
        ("newer", NEWER, ""),
        ("ahead", NEWER, "field_of_tomorrow=1"),
    ):
        build(plugin(folder, name, api, field), folder / "wheels")
    found = folder / "site"
    install = ["pip", "install", "-q", "--no-deps", "--no-index", "--target", str(found)]
    wheels = map(str, sorted((folder / "wheels").glob("*.whl")))
    subprocess.run([sys.executable, "-m", *install, *wheels], check=True)
    return found


def answers(*path: Path) -> dict[str, Any]:
    """Return what a registry says that sees these folders first."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))}
    command = [sys.executable, "-c", ASK]
    ran = subprocess.run(
        command, env=environment, cwd=path[0], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    told: dict[str, Any] = json.loads(ran.stdout)
    return told


def test_an_older_plugin_runs_and_a_newer_one_says_what_to_do(site: Path) -> None:
    told = answers(site)
    assert told["older"][0] == "loaded"
    assert told["older"][1].endswith(":SmallTextForCausalLM")
    assert "older" in told["strategies"]
    for name, what in (("newer", "it"), ("ahead", "Architecture.field_of_tomorrow")):
        state, message = told[name]
        assert state == "incompatible"
        needs = f"{what} needs plugin API {MAJOR}.{MINOR + 1}, this automodel-core has"
        assert needs in message
        assert message.endswith(f"pip install -U automodel-core automodel-{name}")
        assert name not in told["strategies"]


def test_a_plugin_of_this_version_says_what_to_do_on_an_older_core(
    site: Path, tmp_path: Path
) -> None:
    """The older core is this one with the API before, built as a wheel."""
    source = tmp_path / "core"
    source.mkdir()
    shutil.copytree(ROOT / "automodel_core", source / "automodel_core")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    base = source / "automodel_core" / "registry" / "manifest_base.py"
    text, changed = re.subn(
        r"PLUGIN_API = \(.*\)", f"PLUGIN_API = {OLDER}", base.read_text("utf-8")
    )
    assert changed == 1
    base.write_text(text, "utf-8")
    build(source, tmp_path / "wheels")
    build(plugin(tmp_path, "today", PLUGIN_API), tmp_path / "wheels")
    core = tmp_path / "site"
    install = ["pip", "install", "-q", "--no-deps", "--no-index", "--target", str(core)]
    wheels = map(str, sorted((tmp_path / "wheels").glob("*.whl")))
    subprocess.run([sys.executable, "-m", *install, *wheels], check=True)
    told = answers(core, site)
    assert tuple(told["api"]) == OLDER
    assert told["older"][0] == "loaded"
    state, message = told["today"]
    assert state == "incompatible"
    assert f"needs plugin API {MAJOR}.{MINOR}, this automodel-core has" in message
