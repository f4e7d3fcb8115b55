"""Plugins are found in an archive that Python runs, and in a frozen application."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipapp
from pathlib import Path

import pytest

import automodel_core
from support.tiny_plugin import SIZES, Site

CORE = Path(automodel_core.__file__).parent
LISTS = """
import sys
from automodel_core import AutoConfig, registry

config = AutoConfig.for_model("tiny-gpt", hidden_size=8, num_attention_heads=2)
print(registry.model_types(), type(config).__name__, [str(r.state) for r in registry.plugins()])
"""
RUNS = f"""
import torch
from automodel_core import AutoModelForCausalLM

torch.manual_seed(0)
config = AutoConfig.for_model("tiny-gpt", **{SIZES})
model = AutoModelForCausalLM.from_config(config)
print(model.generate(torch.tensor([[5, 6]]), max_new_tokens=2, pad_token_id=0).shape)
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Return a folder with the core and a plugin, as an installation has them."""
    folder = tmp_path / "application"
    folder.mkdir()
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(CORE, folder / "automodel_core", ignore=ignored)
    site = Site(folder)
    site.install("tiny-gpt")
    return site


def said_by(command: list[str], folder: Path) -> str:
    """Return what a program prints that sees no source tree."""
    hidden = {"PYTHONPATH", "AUTOMODEL_PLUGINS", "AUTOMODEL_DISABLED_PLUGINS"}
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    ran = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_an_archive_that_python_runs(site: Site, tmp_path: Path) -> None:
    (site.folder / "__main__.py").write_text(LISTS + RUNS, "utf-8")
    archive = tmp_path / "application.pyz"
    zipapp.create_archive(site.folder, archive)
    said = said_by([sys.executable, str(archive)], tmp_path)
    assert "'tiny-gpt'" in said
    assert "TinyGptConfig" in said
    assert "torch.Size([1, 4])" in said


def test_a_frozen_application(site: Site, tmp_path: Path) -> None:
    pytest.importorskip("PyInstaller", reason="freezes an application")
    script = tmp_path / "lists.py"
    script.write_text(LISTS, "utf-8")
    command = [sys.executable, "-m", "PyInstaller", "--onedir", "--noconfirm", "--log-level=ERROR"]
    for module in ("torch", "numpy", "transformers", "tokenizers", "PIL"):
        command += ["--exclude-module", module]  # which a registry and a configuration do without
    for package in ("automodel_core", "automodel_tiny_gpt"):
        command += ["--collect-submodules", package, "--collect-data", package]
    command += ["--copy-metadata", "automodel-tiny-gpt", "--paths", str(site.folder), str(script)]
    paths = {**os.environ, "PYTHONPATH": str(site.folder)}
    subprocess.run(command, cwd=tmp_path, env=paths, check=True)
    said = said_by([str(tmp_path / "dist" / "lists" / "lists")], tmp_path)
    assert said.split("(")[1].startswith("'tiny-gpt'")
    assert "TinyGptConfig" in said
