"""The examples of README and docs run, their links lead somewhere, and nothing is left out."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import automodel_core
from automodel_core.registry import hookspecs
from automodel_core.registry.manifest import HOOKS

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/*.md")])
NEED_OTHER_PACKAGES = (ROOT / "docs" / "integrations.md", ROOT / "docs" / "scale.md")
"""`tests/clients` runs the blocks of these pages."""
EVERYTHING = [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *ROOT.glob("plugins/*/*.md")]
NOT_RUN = re.compile(r"<!-- (?:not run|file): [^>]*-->\n```.*?\n```", flags=re.DOTALL)
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", flags=re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)#\s]+)")


def named(path: Path) -> str:
    """Return a path as pytest shall show it."""
    return path.relative_to(ROOT).as_posix()


def blocks(page: Path, language: str) -> list[str]:
    """Return the blocks of a page that are run."""
    if page in NEED_OTHER_PACKAGES:
        return []
    text = NOT_RUN.sub("", page.read_text(encoding="utf-8"))
    return [code for kind, code in BLOCK.findall(text) if kind == language]


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "python")], ids=named)
def test_python_examples_run(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A page's blocks run in one namespace; a comment ``# -> ...`` says what is printed."""
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "example"}
    for code in blocks(page, "python"):
        exec(compile(code, str(page), "exec"), namespace)
        printed = capsys.readouterr().out.strip().splitlines()
        promised = re.findall(r"^# -> (.*)$", code, flags=re.MULTILINE)
        assert not promised or printed == promised, code


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "console")], ids=named)
def test_commands_run(page: Path, tmp_path: Path) -> None:
    """Commands of ours that follow a ``$`` run, from the root of the repository."""
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    for code in blocks(page, "console"):
        for line in re.findall(r"^\$ automodel-core (.*)$", code, flags=re.MULTILINE):
            command = [sys.executable, "-m", "automodel_core", *shlex.split(line, comments=True)]
            ran = subprocess.run(
                command,
                cwd=tmp_path,
                env={**os.environ, "COLUMNS": "100"},
                capture_output=True,
                text=True,
                check=False,
            )
            assert ran.returncode == 0, f"{line}\n{ran.stderr}"
            assert ran.stdout, line


@pytest.mark.parametrize("page", EVERYTHING, ids=named)
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{named(page)} links to {target}"


def test_the_tour_names_files_that_exist() -> None:
    """A path of the tour is one of the core, or the end of one."""
    tour = (ROOT / "docs" / "tour.md").read_text(encoding="utf-8")
    modules = [path.as_posix() for path in (ROOT / "automodel_core").rglob("*.py")]
    named_files = set(re.findall(r"`([\w/]+\.py)\b", tour))
    plugins = {"plugin.py", "configuration.py", "modeling.py", "tokenization.py"}
    plugins.add("image_processing.py")
    assert len(named_files) > 30
    assert not {
        name for name in named_files - plugins if not any(m.endswith(f"/{name}") for m in modules)
    }


def test_the_contract_is_documented() -> None:
    """The reference has a row for every hook, with the manifest that it returns."""
    reference = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    rows = dict(
        re.findall(r"^\| `(automodel_\w+)` \| (?:`(\w+)`|nothing)", reference, re.MULTILINE)
    )
    hooks = dict.fromkeys((name for name in vars(hookspecs) if name.startswith("automodel_")), "")
    assert rows == hooks | {hook: kind.__name__ for hook, kind in HOOKS.items()}


def test_every_variable_is_documented() -> None:
    """The reference lists the environment variables that the core reads, and no others."""
    reference = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    sources = "".join(path.read_text("utf-8") for path in (ROOT / "automodel_core").rglob("*.py"))
    read = set(re.findall(r"\bAUTOMODEL_[A-Z_]+[A-Z]\b", sources))
    assert set(re.findall(r"^\| `(AUTOMODEL_\w+)` \|", reference, re.MULTILINE)) == read


def test_every_public_name_is_documented() -> None:
    """Every Auto class stands in the reference, and nothing stands there that does not exist."""
    reference = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    torch_classes = {n for n in automodel_core.__all__ if n.startswith("Auto")} - set(OTHERS)
    documented = set(re.findall(r"`(Auto[A-Z]\w+)`", reference))
    assert not torch_classes - documented
    assert not documented - torch_classes


OTHERS = automodel_core.registry.task_table.OTHER_BACKENDS
