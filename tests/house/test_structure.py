"""The structure of the house: faces for plugins, small rooms, and imports that run one way."""

from __future__ import annotations

import ast
import graphlib
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from automodel_core.cli.scaffold.files import plugin_files
from automodel_core.cli.scaffold.kinds import KINDS, READS_TEXT, TOKENIZERS
from house.public_names import FACES, SNAPSHOT, public_names
from house.toml import read_toml

ROOT = Path(__file__).parents[2]
CORE = ROOT / "automodel_core"
OUTSIDE = sorted(
    path
    for pattern in (
        "plugins/**/*.py",
        "tests/packages/*/**/*.py",
        "docs/**/*.py",
        "docs/**/*.md",
        "README.md",
    )
    for path in ROOT.glob(pattern)
)
FOLDERS = sorted({path.parent for path in CORE.rglob("*.py")})
MOST_ENTRIES = 14
MOST_IMPORTS = 14
BUDGETS = {
    "bart": 80,
    "bert": 250,
    "blenderbot": 80,
    "encoder-decoder": 80,
    "m2m100": 80,
    "marian": 80,
    "mbart": 80,
    "t5": 250,
    "trocr": 80,
    "vision-encoder-decoder": 80,
}
"""Lines that the models of a plugin may have: more would repeat what the core or a family has."""


def named(path: Path) -> str:
    """Return a path as tests are named after it."""
    return path.relative_to(ROOT).as_posix()


def core_imports(text: str) -> set[str]:
    """Return which modules of the core a source, or the blocks of a document, import from."""
    return set(re.findall(r"^\s*(?:from|import) (automodel_core[\w.]*)", text, re.MULTILINE))


@pytest.mark.parametrize("path", OUTSIDE, ids=named)
def test_plugins_and_documents_import_faces_only(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = core_imports(text)
    assert found <= set(FACES), f"import {sorted(found - set(FACES))} from a face instead"


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_plugin_imports_faces_only(kind: str) -> None:
    for tokenizer in TOKENIZERS if kind in READS_TEXT else ("any",):
        files = plugin_files("my-gpt", kind, tokenizer)
        assert core_imports("\n".join(files.values())) <= set(FACES)


def test_the_reference_lists_the_faces() -> None:
    text = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(automodel_core[\w.]*)` \|", text, re.MULTILINE) == sorted(FACES)


@pytest.mark.parametrize("module", sorted(ROOT.glob("plugins/*/automodel_*/**/*.py")), ids=named)
def test_a_plugin_imports_from_few_places(module: Path) -> None:
    tree = ast.parse(module.read_text(encoding="utf-8"))
    statements = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert len(statements) <= MOST_IMPORTS


def test_a_plugin_lists_its_names_once() -> None:
    """In its stub, from which its ``__init__`` takes them: a module's list would repeat them."""
    modules = {*ROOT.glob("plugins/*/automodel_*/*.py")} - {*ROOT.glob("plugins/*/*/__init__.py")}
    assert modules
    listing = [named(path) for path in modules if "__all__" in path.read_text(encoding="utf-8")]
    assert not listing


@pytest.mark.parametrize("plugin", BUDGETS)
def test_models_hold_their_architecture_and_no_more(plugin: str) -> None:
    name = f"automodel-{plugin}"
    models = ROOT / "plugins" / name / name.replace("-", "_") / "modeling.py"
    assert models.read_text(encoding="utf-8").count("\n") < BUDGETS[plugin]


def test_a_new_decoder_is_a_page_and_a_half() -> None:
    assert plugin_files("my-gpt")["automodel_my_gpt/modeling.py"].count("\n") < 90


def test_public_names_are_those_of_the_snapshot() -> None:
    assert public_names() == SNAPSHOT.read_text(encoding="utf-8"), (
        "a public name came, went or moved; if that is meant, write the snapshot anew: "
        "python tests/house/public_names.py"
    )


@pytest.mark.parametrize("folder", [folder for folder in FOLDERS if folder != CORE], ids=named)
def test_rooms_are_small(folder: Path) -> None:
    entries = [path.name for path in folder.iterdir() if path.name != "__pycache__"]
    entries = [name for name in entries if name != "__init__.pyi"]
    assert len(entries) <= MOST_ENTRIES, f"{len(entries)} entries: {sorted(entries)}"


CORE_MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in CORE.rglob("*.py")
}


def imported_modules(path: Path) -> set[str]:
    """Return the core's modules that a source imports: in functions and for type checkers, too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            found |= {name if name in CORE_MODULES else node.module for name in names}
    return found & CORE_MODULES.keys()


IMPORTS = {name: imported_modules(path) for name, path in CORE_MODULES.items()}
CONTRACTS = read_toml(ROOT / "pyproject.toml")["tool"]["importlinter"]["contracts"]
FLOORS: list[str] = CONTRACTS[0]["layers"]
HEIGHTS = {
    name.strip("() "): height
    for height, floor in enumerate(reversed(FLOORS))
    for name in floor.split("|")
}


def circle(graph: Mapping[str, set[str]]) -> str:
    """Return the nodes of one circle of a graph, or nothing."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return " -> ".join(reversed(error.args[1]))
    return ""


@pytest.mark.parametrize("module", IMPORTS)
def test_no_floor_imports_a_higher_one(module: str) -> None:
    for imported in IMPORTS[module]:
        (_, *upper), (_, *lower) = module.split("."), imported.split(".")
        if upper and lower and upper[0] != lower[0]:
            assert HEIGHTS[upper[0]] > HEIGHTS[lower[0]], f"it imports {imported}"


def test_the_floors_are_those_of_the_document() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("| floor |")[2]
    rows = re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
    documented = [name for row in rows for name in re.findall(r"`(\w+)(?:/|\.py)`", row)]
    assert set(documented) == HEIGHTS.keys() - {"__main__"}
    assert documented == sorted(documented, key=lambda name: -HEIGHTS[name])


def test_no_modules_import_each_other() -> None:
    assert not circle(IMPORTS)


@pytest.mark.parametrize("folder", FOLDERS, ids=named)
def test_no_rooms_import_each_other(folder: Path) -> None:
    prefix = ".".join(folder.relative_to(ROOT).parts) + "."
    graph: dict[str, set[str]] = {}
    for module, imports in IMPORTS.items():
        if module.startswith(prefix):
            room = module.removeprefix(prefix).partition(".")[0]
            inside = (name.removeprefix(prefix) for name in imports if name.startswith(prefix))
            graph.setdefault(room, set()).update(name.partition(".")[0] for name in inside)
    assert not circle({room: others - {room} for room, others in graph.items()})
