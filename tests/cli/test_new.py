"""``automodel-core new``: the plugin it writes is complete, clean, and passes its own tests."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from automodel_core.cli import main
from automodel_core.cli.new import write_plugin
from automodel_core.errors import InputError


def test_the_tests_it_writes_pass(tmp_path: Path) -> None:
    write_plugin("my-own_gpt2", tmp_path / "plugin")
    site = tmp_path / "site"
    info = site / "automodel_my_own_gpt2-0.1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: automodel-my-own-gpt2\nVersion: 0.1.0\n"
        "Summary: MyOwnGpt2 for automodel-core.\nRequires-Python: >=3.10\n"
        "Requires-Dist: automodel-core>=0.1,<2\nRequires-Dist: torch>=2.6\n",
        "utf-8",
    )
    (info / "entry_points.txt").write_text(
        "[automodel.architectures]\nmy-own_gpt2 = automodel_my_own_gpt2.plugin\n", "utf-8"
    )
    shutil.move(tmp_path / "plugin" / "automodel_my_own_gpt2", site)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path / "plugin")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(site), *sys.path])},
        cwd=tmp_path / "plugin",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "failed" not in done.stdout


def test_every_file_is_filled_in(tmp_path: Path) -> None:
    for path in write_plugin("my-gpt", tmp_path / "plugin"):
        text = path.read_text("utf-8")
        assert "$" not in text
        assert "$" not in str(path)
        if path.suffix == ".py":
            ast.parse(text)
    project = (tmp_path / "plugin" / "pyproject.toml").read_text("utf-8")
    assert re.search(r'^name = "automodel-my-gpt"$', project, re.MULTILINE)
    assert '"my-gpt" = "automodel_my_gpt.plugin"' in project


def test_it_says_what_it_wrote_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new", "my-gpt"]) == 0
    captured = capsys.readouterr()
    assert "automodel-my-gpt/pyproject.toml" in captured.out
    assert "pip install -e automodel-my-gpt" in captured.err
    assert main(["new", "my-gpt"]) == 1
    assert "name a new folder with --folder" in capsys.readouterr().err
    assert main(["new", "my-gpt", "--folder", "other", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["distribution"] == "automodel-my-gpt"


@pytest.mark.parametrize("name", ["", "My", "1gpt", "a b", "../x", "gpt-", "a--b", "a/b"])
def test_names_that_cannot_be(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be a model type"):
        write_plugin(name, tmp_path / "plugin")
    assert not (tmp_path / "plugin").exists()
