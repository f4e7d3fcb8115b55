"""The catalogue is made from the plugins' manifests, and is current."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from automodel_core.errors import PluginConflictError, RegistrationError
from automodel_core.registry import hints
from house.catalogue import catalogue_of, main

PLUGINS = Path(__file__).parents[2] / "plugins"


def project(folder: Path, distribution: str, *model_types: str) -> None:
    package = distribution.replace("-", "_")
    where = folder / distribution
    (where / package).mkdir(parents=True)
    (where / package / "__init__.py").write_text("", "utf-8")
    points = "\n".join(f'{name} = "{package}.plugin"' for name in model_types)
    (where / "pyproject.toml").write_text(
        f'[project]\nname = "{distribution}"\n'
        f'[project.entry-points."automodel.architectures"]\n{points}\n',
        "utf-8",
    )
    (where / package / "plugin.py").write_text(
        "from automodel_core import Architecture, hookimpl\n"
        "@hookimpl\n"
        "def automodel_architectures():\n"
        f"    models = {{'masked-lm': '{package}.m:M', 'base': '{package}.m:B'}}\n"
        f"    return [Architecture(model_type='{model_types[0]}', config='{package}.c:C',\n"
        "                         models=models)]\n",
        "utf-8",
    )


@pytest.fixture(autouse=True)
def _forget_modules() -> Any:
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith("cat_"):
            del sys.modules[name]


@pytest.mark.skipif(not PLUGINS.is_dir(), reason="not in the repository")
def test_the_catalogue_that_ships_is_current() -> None:
    assert main(["--check"]) == 0


def test_the_catalogue_that_ships_can_be_read() -> None:
    for known in hints.catalogue().values():
        assert known.distribution.startswith("automodel-")
        assert known.tasks


def test_it_is_written_and_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project(tmp_path / "plugins", "cat-b", "b")
    project(tmp_path / "plugins", "cat-a", "a")
    file = tmp_path / "catalog.json"
    arguments = ["--plugins", str(tmp_path / "plugins"), "--file", str(file)]
    assert main(["--check", *arguments]) == 1
    assert "--write" in capsys.readouterr().err
    assert main(["--write", *arguments]) == 0
    assert main(["--check", *arguments]) == 0
    assert json.loads(file.read_text("utf-8")) == {
        "architectures": {
            "a": {"distribution": "cat-a", "tasks": ["base", "masked-lm"], "components": []},
            "b": {"distribution": "cat-b", "tasks": ["base", "masked-lm"], "components": []},
        },
        "formats": {},
    }
    path = list(sys.path)
    catalogue_of(tmp_path / "plugins")
    assert sys.path == path


def test_two_of_our_plugins_cannot_claim_one_model_type(tmp_path: Path) -> None:
    project(tmp_path, "cat-c", "same")
    project(tmp_path, "cat-d", "same")
    with pytest.raises(PluginConflictError, match="cat-d and cat-c"):
        catalogue_of(tmp_path)


def test_an_entry_point_without_an_architecture_is_found_out(tmp_path: Path) -> None:
    project(tmp_path, "cat-e", "e", "forgotten")
    with pytest.raises(RegistrationError, match="forgotten"):
        catalogue_of(tmp_path)


def test_it_must_run_in_the_repository(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main(["--check", "--plugins", str(tmp_path / "absent")])
