"""The rules of the house that no linter knows, checked on the sources of core and plugins."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from automodel_core.registry.installed.state import EXTENSIONS
from house.architecture_names import ARCHITECTURE_NAME
from house.toml import read_toml

ROOT = Path(__file__).parents[2]
CORE = ROOT / "automodel_core"
PLUGINS = sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))
PACKAGES = [CORE, *(plugin / plugin.name.replace("-", "_") for plugin in PLUGINS)]
MODULES = sorted(module for package in PACKAGES for module in package.rglob("*.py"))
WRITTEN = sorted(
    path
    for pattern in ("*.py", "automodel_core/**/*.py", "plugins/**/*.py", "tests/**/*.py")
    for path in ROOT.glob(pattern)
    if path != Path(__file__)
)
MAX_LINES = 400
MOST_LINES = 500
LONG_FILES: dict[str, str] = {}
"""The files that may have more than the usual lines, and why a cut would hide their subject."""

UNSAFE_MODULES = {"cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve", "transformers"}
UNSAFE_CALLS = {"eval", "exec"}
MAY_IMPORT_BY_NAME = {
    CORE / "exports.py",
    CORE / "registry" / "imports.py",
    CORE / "preprocessing" / "tensors.py",
}
WITHOUT_TORCH = (
    "__init__.py",
    "__main__.py",
    "auto",
    "checkpoint/places",
    "cli",
    "families/__init__.py",
    *(
        f"families/fairseq/{name}.py"
        for name in ("configuration", "external_ids", "languages", "source_target", "vocabulary")
    ),
    "families/bert/configuration.py",
    "families/hifigan/configuration.py",
    "families/llama/configuration.py",
    "families/pair/configuration.py",
    "configuration",
    "deprecation.py",
    "errors.py",
    "exports.py",
    "fields.py",
    "generation/__init__.py",
    "generation/settings",
    "integrations/__init__.py",
    "integrations/tokenizers.py",
    "other_names.py",
    "preprocessing",
    "processing.py",
    "registry",
    "text",
)
LATER = (
    r"\bTODO\b",
    r"\bFIXME\b",
    r"\bXXX\b",
    r"pragma: no cover",
    r"xfail",
    r"raise NotImplementedError",
)
OTHERS_FILES = re.compile(r"sentence_bert_config\.json")
TOKENIZER_JSON = re.compile(r"\b(?:Bert|Roberta)(?:Normalizer|PreTokenizer|Processing)\b")
ANCESTOR = re.compile("fairseq", re.IGNORECASE)
CORE_SOURCES = sorted((*CORE.rglob("*.py"), *CORE.rglob("*.pyi")))


def named(path: Path) -> str:
    """Return a path as tests are named after it."""
    return path.relative_to(ROOT).as_posix()


def syntax(path: Path) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imported(tree: ast.AST) -> Iterator[str]:
    """Yield the dotted names of the modules that the statements below ``tree`` import."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def run_at_import(tree: ast.Module) -> Iterator[ast.stmt]:
    """Yield the statements that importing a module runs, those for type checkers excepted."""
    for statement in tree.body:
        if isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.unparse(statement.test):
            yield from statement.orelse
        elif not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            yield statement


def type_checking_only(tree: ast.Module) -> set[str]:
    """Return what a module imports for type checkers alone."""
    blocks = (node for node in tree.body if isinstance(node, ast.If))
    guarded = (node for node in blocks if "TYPE_CHECKING" in ast.unparse(node.test))
    return {name for block in guarded for name in imported(block)}


def declared(project: Path) -> set[str]:
    """Return the import names of the dependencies of a distribution."""
    text = (project / "pyproject.toml").read_text(encoding="utf-8")
    project_table = text.partition("[project]")[2].partition("[dependency-groups]")[0]
    dependencies = re.findall(r'"([A-Za-z0-9_.-]+)(?:\[[^]]*\])?\s*[<>=~!][^"]*"', project_table)
    return {name.lower().replace("-", "_") for name in dependencies}


@pytest.mark.parametrize("module", MODULES, ids=named)
def test_nothing_unsafe_is_imported_or_called(module: Path) -> None:
    tree = syntax(module)
    allowed = {"pickle"} if CORE / "testing" in module.parents else set()
    if CORE / "integrations" in module.parents:
        allowed = {"transformers"}
        functions = (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef))
        when_called = {name for function in functions for name in imported(function)}
        when_called |= type_checking_only(tree)
        at_import = set(imported(tree)) - when_called
        assert "transformers" not in {name.partition(".")[0] for name in at_import}
    found = {name.partition(".")[0] for name in imported(tree)} & UNSAFE_MODULES - allowed
    assert not found, f"{sorted(found)} must not be imported"
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        assert called not in UNSAFE_CALLS, f"line {node.lineno} calls {called}"
        if called == "torch.load":
            safe = {word.arg: ast.unparse(word.value) for word in node.keywords}
            assert safe.get("weights_only") == "True", f"line {node.lineno}: weights_only=True"
        if called.endswith("import_module") and module not in MAY_IMPORT_BY_NAME:
            name = node.args[0]
            assert isinstance(name, ast.Constant), f"line {node.lineno} computes a module's name"


@pytest.mark.parametrize("module", MODULES, ids=named)
def test_types_are_not_guessed(module: Path) -> None:
    for node in ast.walk(syntax(module)):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        assert called != "hasattr", f"line {node.lineno} asks hasattr"
        if called == "getattr" and len(node.args) == 3:
            subject = ast.unparse(node.args[0])
            assert not subject.endswith("config"), f"line {node.lineno} guesses at {subject}"


@pytest.mark.parametrize("path", WRITTEN, ids=named)
def test_files_are_short_and_named_for_their_subject(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").count("\n")
    limit = MOST_LINES if named(path) in LONG_FILES else MAX_LINES
    assert lines < limit, f"{lines} lines; split the file by subject"
    assert path.stem not in {"utils", "helpers", "common", "misc"}


@pytest.mark.parametrize("path", WRITTEN, ids=named)
def test_nothing_is_left_for_later(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for marker in LATER:
        assert not re.search(marker, text), f"contains {marker}"


@pytest.mark.parametrize("module", CORE_SOURCES, ids=named)
def test_the_core_names_no_architecture(module: Path) -> None:
    text = OTHERS_FILES.sub("", TOKENIZER_JSON.sub("", module.read_text(encoding="utf-8")))
    if CORE / "families" in module.parents:  # a family names its ancestor
        text = re.sub(module.parent.name, "", text, flags=re.IGNORECASE)
    found = [line for line in text.splitlines() if ARCHITECTURE_NAME.search(line)]
    if CORE / "families" not in module.parents:
        found += [line for line in text.splitlines() if ANCESTOR.search(line)]
    assert not found


def test_a_name_is_known_by_its_word() -> None:
    for text in ("BartModel", "bart_layer", "a BART", "donut_swin", "M2M100Config", "of a ViT-L"):
        assert ARCHITECTURE_NAME.search(text), text
    for text in (
        "Bartholomew",
        "BARTENDER",
        "an activity",
        "a doughnut",
        "EncoderDecoderBody",
        "vital",
    ):
        assert not ARCHITECTURE_NAME.search(text), text


def test_files_that_are_treated_in_another_way_exist() -> None:
    places = (*MAY_IMPORT_BY_NAME, *(CORE / place for place in WITHOUT_TORCH))
    assert [
        place for place in (*places, *map(ROOT.joinpath, LONG_FILES)) if not place.exists()
    ] == []


@pytest.mark.parametrize("place", WITHOUT_TORCH)
def test_importing_needs_no_torch(place: str) -> None:
    path = CORE / place
    for module in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
        for statement in run_at_import(syntax(module)):
            assert "torch" not in set(imported(statement)), f"{named(module)}:{statement.lineno}"


@pytest.mark.parametrize("package", PACKAGES, ids=named)
def test_what_is_imported_is_declared(package: Path) -> None:
    project = ROOT if package == CORE else package.parent
    known = declared(project) | set(sys.stdlib_module_names) | {package.name}
    for module in sorted(package.rglob("*.py")):
        tree = syntax(module)
        names = set(imported(tree)) - type_checking_only(tree)
        missing = {name.partition(".")[0] for name in names} - known
        optional = {"numpy", "tomllib"}  # named in an error where it is absent
        if CORE / "integrations" in module.parents:
            optional |= {"sentence_transformers", "transformers"}
        assert not missing - optional, f"{named(module)} imports undeclared {sorted(missing)}"


@pytest.mark.parametrize("plugin", PLUGINS, ids=named)
def test_plugins_have_the_same_files(plugin: Path) -> None:
    package = plugin / plugin.name.replace("-", "_")
    groups = read_toml(plugin / "pyproject.toml")["project"]["entry-points"]
    own = ("extensions.py",) if list(groups) == [EXTENSIONS] else ("plugin.py", "configuration.py")
    for name in (*own, "py.typed", "__init__.py"):
        assert (package / name).is_file(), f"{named(package)} has no {name}"
    assert (plugin / "README.md").is_file()
    assert (plugin / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
