"""What repeats in the repository is written from the one place that states it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from house import sync
from house.toml import read_toml

ROOT = Path(__file__).parents[2]
OWN = """\
[project]
name = "automodel-new"
version = "0.3.0"
description = "New, with \\"quotes\\"."
license = "MIT"
keywords = ["new"]
dependencies = ["automodel-core>=0.1,<2", "pillow>=10.1"]

[project.entry-points."automodel.architectures"]
"new.one" = "automodel_new.plugin"
"""
MANIFEST = """\
from automodel_core import Architecture, hookimpl

MODELS = {"base": "Model", "causal-lm": "LMHeadModel", "pretraining": "LMHeadModel"}


@hookimpl
def automodel_architectures():
    return [
        Architecture(
            model_type=model_type,
            plugin_api=(1, 0),
            config=f"automodel_new.configuration:{name}Config",
            models={task: f"automodel_new.modeling:{name}{end}" for task, end in MODELS.items()},
        )
        for model_type, name in (("new.one", "New"), ("new.two", "Newer"))
    ]
"""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository with one plugin that states its own and no more."""
    shutil.copy(ROOT / "LICENSE", tmp_path)
    core = (ROOT / "pyproject.toml").read_text("utf-8")
    core = core.replace(
        "[project.scripts]", '[project.urls]\nSource = "https://x.org"\n\n[project.scripts]'
    )
    (tmp_path / "pyproject.toml").write_text(core, "utf-8")
    (tmp_path / "docs").mkdir()
    table = "| Auto class | task |\n|---|---|\n| `AutoModelForOld` | old |\n"
    (tmp_path / "docs" / "reference.md").write_text(f"Before.\n\n{table}\nAfter.\n", "utf-8")
    plugins = "# All\n\n| distribution | types |\n|---|---|\n| old | `old` |\n\nAfter.\n"
    (tmp_path / "README.md").write_text(plugins, "utf-8")
    plugin = tmp_path / "plugins" / "automodel-new"
    plugin.mkdir(parents=True)
    (plugin / "pyproject.toml").write_text(OWN, "utf-8")
    (plugin / "automodel_new").mkdir()
    (plugin / "automodel_new" / "__init__.py").write_text("", "utf-8")
    (plugin / "automodel_new" / "plugin.py").write_text(MANIFEST, "utf-8")
    readme = "# New\n\n| task | Auto class | class |\n|---|---|---|\n| old | | `Old` |\n\nAfter.\n"
    (plugin / "README.md").write_text(readme, "utf-8")
    monkeypatch.setattr(sync, "ROOT", tmp_path)
    return tmp_path


def test_this_repository_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    assert sync.main(["--check"]) == 0, capsys.readouterr().out


def test_a_plugin_states_its_own_and_has_the_rest_from_the_core(repository: Path) -> None:
    assert sync.main(["--check"]) == 1
    assert sync.main([]) == 0
    plugin = repository / "plugins" / "automodel-new"
    core = read_toml(repository / "pyproject.toml")["project"]
    written = read_toml(plugin / "pyproject.toml")
    project = written["project"]
    assert project["description"] == 'New, with "quotes".'
    assert project["dependencies"] == ["automodel-core>=0.1,<2", "pillow>=10.1"]
    assert project["entry-points"] == {
        "automodel.architectures": {"new.one": "automodel_new.plugin"}
    }
    assert project["license"] == "Apache-2.0"
    assert project["urls"] == {"Source": "https://x.org"}
    assert project["classifiers"] == core["classifiers"]
    assert written["tool"]["setuptools"]["packages"]["find"]["include"][0] == "automodel_new"
    assert (plugin / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert sync.main(["--check"]) == 0


def test_a_readme_lists_the_models_of_the_manifest(repository: Path) -> None:
    sync.main([])
    text = (repository / "plugins" / "automodel-new" / "README.md").read_text("utf-8")
    assert text == (
        "# New\n\n| task | Auto class | class |\n|---|---|---|\n"
        "| base | `AutoModel` | `NewModel`, `NewerModel` |\n"
        "| causal-lm, pretraining | `AutoModelForCausalLM`, `AutoModelForPreTraining` "
        "| `NewLMHeadModel`, `NewerLMHeadModel` |\n\nAfter.\n"
    )


def test_the_readme_lists_the_plugins(repository: Path) -> None:
    sync.main([])
    assert (repository / "README.md").read_text("utf-8") == (
        "# All\n\n| distribution | model types | what it holds |\n|---|---|---|\n"
        "| [automodel-new](plugins/automodel-new/README.md) | `new.one`, `new.two` "
        '| New, with "quotes" |\n\nAfter.\n'
    )


def test_the_reference_lists_the_tasks(repository: Path) -> None:
    sync.main([])
    text = (repository / "docs" / "reference.md").read_text("utf-8")
    assert text.startswith(
        "Before.\n\n| Auto class | task | what the model gives |\n|---|---|---|\n"
    )
    assert "| `AutoModelForCTC` | ctc | A character for each audio frame" in text
    assert "AutoModelForOld" not in text
    assert text.endswith(" |\n\nAfter.\n")
