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
from automodel_core.cli.scaffold.files import plugin_files
from automodel_core.cli.scaffold.kinds import KINDS, READS_TEXT, TOKENIZERS
from automodel_core.cli.scaffold.new import write_files
from automodel_core.errors import InputError

EVERY = [
    (kind, tokenizer)
    for kind in KINDS
    for tokenizer in (TOKENIZERS if kind in READS_TEXT else ("any",))
]
TOKENIZER_OF = {"decoder": "byte-level", "encoder": "wordpiece", "encoder-decoder": "sentencepiece"}


@pytest.mark.parametrize("kind", KINDS)
def test_what_it_writes_installs_and_passes_its_tests(kind: str, tmp_path: Path) -> None:
    files = plugin_files("my-own_kind", kind, TOKENIZER_OF.get(kind, "any"))
    write_files(files, tmp_path / "plugin")
    site = tmp_path / "site"
    install = ["pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    source = shutil.copytree(tmp_path / "plugin", tmp_path / "source")
    path = {"PYTHONPATH": os.pathsep.join([str(site), *sys.path])}
    for command in (
        [*install, "--target", str(site), str(source)],
        ["pytest", "-q", "-p", "no:cacheprovider", str(tmp_path / "plugin" / "tests")],
        ["automodel_core", "doctor", "--imports"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *command],
            env={**os.environ, **path},
            cwd=tmp_path / "plugin",
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "failed" not in done.stdout


@pytest.mark.parametrize(("kind", "tokenizer"), EVERY)
def test_every_file_is_filled_in(kind: str, tokenizer: str) -> None:
    files = plugin_files("my-gpt", kind, tokenizer)
    for path, text in files.items():
        assert "newcomer" not in f"{path}{text}".lower()
        assert not path.endswith(".tmpl")
        if path.endswith((".py", ".pyi")):
            ast.parse(text)
    assert {"LICENSE", "README.md", ".github/workflows/ci.yml"} <= files.keys()
    assert re.search(r'^name = "automodel-my-gpt"$', files["pyproject.toml"], re.MULTILINE)
    module = "extensions" if kind == "extension" else "plugin"
    assert f'my-gpt = "automodel_my_gpt.{module}"' in files["pyproject.toml"]
    declares = "tokenization:MyGptTokenizer" in "".join(files.values())
    assert declares == (tokenizer != "any")
    assert ("automodel_my_gpt/tokenization.py" in files) == (tokenizer != "any")


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


def test_it_warns_of_an_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new", "gpt2"]) == 0
    assert re.search(
        "gpt2 (belongs to automodel-gpt2|is installed already)", capsys.readouterr().err
    )
    assert main(["new", "bert", "--kind", "extension"]) == 0
    assert "conflict" not in capsys.readouterr().err


@pytest.mark.parametrize("name", ["", "My", "1gpt", "a b", "../x", "gpt-", "a--b", "a/b", "core"])
def test_names_that_cannot_be(name: str) -> None:
    with pytest.raises(InputError, match="cannot be a model type"):
        plugin_files(name)


def test_classes_have_the_name_that_is_given() -> None:
    files = plugin_files("my-gpt", class_name="MyGPT")
    assert "class MyGPTForCausalLM(" in files["automodel_my_gpt/modeling.py"]
    assert "MyGpt" not in "".join(files.values())
    assert "class MyGptForCausalLM(" in plugin_files("my-gpt")["automodel_my_gpt/modeling.py"]


@pytest.mark.parametrize("name", ["", "myGpt", "My-GPT", "1GPT", "My GPT", "../X"])
def test_class_names_that_cannot_be(name: str) -> None:
    with pytest.raises(InputError, match="cannot begin the name of a class"):
        plugin_files("my-gpt", class_name=name)


def test_a_tokenizer_for_a_model_that_reads_no_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new", "my-vit", "--kind", "vision", "--tokenizer", "wordpiece"]) == 1
    assert "not for vision" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
