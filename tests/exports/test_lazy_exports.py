"""What packages export lazily exists, and is what type checkers see."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from automodel_core.exports import lazy_exports, stub_names

ROOT = Path(__file__).parents[2]
PLUGINS = sorted(path.parent.name for path in ROOT.glob("plugins/*/pyproject.toml"))


FACES = [
    str(path.parent.relative_to(ROOT)).replace("/", ".")
    for path in sorted(ROOT.glob("automodel_core/*/**/__init__.pyi"))
]


@pytest.mark.parametrize("package", [*(plugin.replace("-", "_") for plugin in PLUGINS), *FACES])
def test_a_package_exports_what_its_stub_says(package: str) -> None:
    face = import_module(package)
    names = stub_names(package)
    stub = (Path(str(face.__file__)).with_suffix(".pyi")).read_text("utf-8")
    declared = set(re.findall(r"^(?:def )?(\w+)[(:]", stub, re.MULTILINE))
    assert {*names, *declared} == set(face.__all__)
    assert names
    for name, (module, attribute) in names.items():
        assert getattr(face, name) is getattr(import_module(module), attribute)
        assert name in dir(face)


def test_a_stub_may_rename_and_list_several(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "stubbed_package"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "__init__.pyi").write_text(
        "from a.b import C as C, d as D\nfrom e import (\n    F as F,\n    G as G,\n)\n"
        "from private import used_in_a_signature\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert stub_names("stubbed_package") == {
        "C": ("a.b", "C"),
        "D": ("a.b", "d"),
        "F": ("e", "F"),
        "G": ("e", "G"),
    }


def test_a_stub_may_take_all_names_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stubs = {
        "lower_package": "from a import B as B\n",
        "upper_package": "from lower_package import *\n",
    }
    for package, stub in stubs.items():
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("")
        (tmp_path / package / "__init__.pyi").write_text(stub + "from c import D as D\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert stub_names("upper_package") == {"B": ("a", "B"), "D": ("c", "D")}


def test_a_missing_stub_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "stubless_package"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ImportError, match=r"stubless_package lists its names in __init__\.pyi"):
        stub_names("stubless_package")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Make a package with two names in a module."""
    folder = tmp_path / "lazy_package"
    folder.mkdir()
    (folder / "__init__.py").write_text(
        "from automodel_core.exports import lazy_exports\n"
        "__all__, __getattr__, __dir__ = lazy_exports(__name__, {'part': ('B', 'A')})\n"
    )
    (folder / "part.py").write_text("A, B = 1, 2\n")
    monkeypatch.syspath_prepend(tmp_path)
    return import_module("lazy_package")


def test_a_module_is_imported_when_a_name_is_used(package: ModuleType) -> None:
    assert "lazy_package.part" not in sys.modules
    assert package.__all__ == ["A", "B"]
    assert {"A", "B", "__all__"} <= set(dir(package))
    assert package.A == 1
    assert "lazy_package.part" in sys.modules
    assert vars(package)["A"] == 1, "the second look-up costs nothing"


def test_other_names_are_missing_as_usual(package: ModuleType) -> None:
    with pytest.raises(AttributeError, match="module 'lazy_package' has no attribute 'C'"):
        package.C  # noqa: B018
    assert lazy_exports("lazy_package", {})[0] == []
