"""The structure of the house: doors that plugins use, rooms of a size, and no circle of imports."""

from __future__ import annotations

import ast
import graphlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from house.public_names import FACES, SNAPSHOT, public_names

ROOT = Path(__file__).parents[2]
CORE = ROOT / "automodel_core"
OUTSIDE = sorted(
    path
    for pattern in ("plugins/**/*.py", "docs/**/*.py", "docs/**/*.md", "README.md")
    for path in ROOT.glob(pattern)
)
MOST_ENTRIES = 14


def named(path: Path) -> str:
    """Return a path as pytest shall show it."""
    return path.relative_to(ROOT).as_posix()


def core_imports(text: str) -> set[str]:
    """Return which modules of the core a source, or the blocks of a document, import from."""
    return set(re.findall(r"^\s*(?:from|import) (automodel_core[\w.]*)", text, re.MULTILINE))


@pytest.mark.parametrize("path", OUTSIDE, ids=named)
def test_what_stands_outside_imports_faces_only(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = core_imports(text)
    assert found <= set(FACES), f"import {sorted(found - set(FACES))} from a face instead"


def test_what_a_new_plugin_is_written_with_imports_faces_only() -> None:
    scaffold = (CORE / "cli" / "scaffold.py").read_text(encoding="utf-8")
    written = "".join(
        str(node.value)
        for node in ast.walk(ast.parse(scaffold))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    assert core_imports(written) <= set(FACES)


def test_public_names_are_those_of_the_snapshot() -> None:
    assert public_names() == SNAPSHOT.read_text(encoding="utf-8"), (
        "a public name came, went or moved; if that is meant, write the snapshot anew: "
        "python tests/house/public_names.py"
    )


@pytest.mark.parametrize(
    "folder",
    sorted(path for path in CORE.rglob("*") if path.is_dir() and path.name != "__pycache__"),
    ids=named,
)
def test_rooms_are_small(folder: Path) -> None:
    entries = [path.name for path in folder.iterdir() if path.name != "__pycache__"]
    entries = [name for name in entries if name != "__init__.pyi"]
    assert len(entries) <= MOST_ENTRIES, f"{len(entries)} entries: {sorted(entries)}"


def imported_modules(tree: ast.AST) -> Iterator[str]:
    """Yield the modules that the statements below ``tree`` import, wherever they stand."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                yield submodule if submodule in CORE_MODULES else node.module


CORE_MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in CORE.rglob("*.py")
}


def test_no_imports_go_in_circles() -> None:
    graph = {
        name: set(imported_modules(ast.parse(path.read_text(encoding="utf-8")))) & set(CORE_MODULES)
        for name, path in CORE_MODULES.items()
    }
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail(f"these modules import each other: {' -> '.join(reversed(error.args[1]))}")
