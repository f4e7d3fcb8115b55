"""What packages export lazily exists, and is what type checkers see."""

from __future__ import annotations

import ast
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from automodel_core.exports import lazy_exports

ROOT = Path(__file__).parents[2]
PLUGINS = sorted(path.parent.name for path in ROOT.glob("plugins/*/pyproject.toml"))


def seen_by_type_checkers(package: ModuleType) -> dict[str, str]:
    """Return the names that a package imports for type checkers, and their modules."""
    tree = ast.parse(Path(str(package.__file__)).read_text(encoding="utf-8"))
    blocks = (node for node in tree.body if isinstance(node, ast.If))
    return {
        str(alias.asname): str(node.module)
        for block in blocks
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_plugin_exports_what_type_checkers_see(plugin: str) -> None:
    package = import_module(plugin.replace("-", "_"))
    seen = seen_by_type_checkers(package)
    assert sorted(seen) == sorted(package.__all__)
    for name, module in seen.items():
        assert getattr(package, name) is getattr(import_module(module), name)
        assert name in dir(package)


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
