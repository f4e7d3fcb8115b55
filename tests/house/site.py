"""The pages of the documentation's site that are made of what stands elsewhere in the repository.

MkDocs calls these hooks (``hooks`` in ``mkdocs.yml``). There is a page for each face, made of
docstrings; the architectures, made of manifests and the plugins' READMEs; the command line, made of
its own help; and what lies at the top of the repository. ``nox -s site`` builds the site.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

from house.catalogue import architectures_of
from house.public_names import FACES
from house.toml import read_toml

__all__ = ["on_config", "on_files"]

ROOT = Path(__file__).parents[2]
PROJECTS = sorted(ROOT.glob("plugins/*/pyproject.toml"))
AT_THE_TOP = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}
NOT_RUN = re.compile(r"^<!-- .*? -->\n", re.MULTILINE)
SOURCE_LINK = re.compile(r"\[([^\]`]+)\]\((?:examples|scale)/[^)\s]+\)")
LINK = re.compile(r"\]\(([^)#:\s]+)((?:#[^)\s]*)?)\)")


def on_config(config: Any) -> Any:
    """Add the pages of faces and of plugins to the navigation."""
    for section in config.nav:
        if "Reference" in section:
            section["Reference"].append({"Names": [page for page, _ in pages_of_faces()]})
        if "Architectures" in section:
            plugins = [f"plugins/{project.parent.name}.md" for project in PROJECTS]
            section["Architectures"] = ["architectures.md", *plugins]
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add what is made here to the files that MkDocs found in ``docs/``."""
    for page, text in generated():
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Drop what is for the repository: comments for the tests, and links to files of Python."""
    return SOURCE_LINK.sub(r"`\1`", NOT_RUN.sub("", markdown))


def generated() -> Iterator[tuple[str, str]]:
    """Yield the path and the text of every page that is made here."""
    yield from pages_of_faces()
    yield "architectures.md", architectures()
    yield "command-line.md", command_line()
    for name, page in AT_THE_TOP.items():
        yield page, moved((ROOT / name).read_text("utf-8"), {"docs/": ""})
    for project in PROJECTS:
        text = project.with_name("README.md").read_text("utf-8")
        yield f"plugins/{project.parent.name}.md", moved(text, {"../../docs/": "../"})


def moved(text: str, folders: Mapping[str, str]) -> str:
    """Return a document whose links lead to where the site has their targets.

    Links to what the site does not show become code, with the path in the repository.
    """
    known = {"../../README.md": "../index.md", "README.md": "index.md", **AT_THE_TOP}
    known |= {f"../../{name}": f"../{page}" for name, page in AT_THE_TOP.items()}

    def link(found: re.Match[str]) -> str:
        target, anchor = found.groups()
        for begins, instead in folders.items():
            if target.startswith(begins) and target.endswith((".md", ".png")):
                return f"]({target.replace(begins, instead, 1)}{anchor})"
        plugin = re.fullmatch(r"(?:\.\./|plugins/)([\w-]+)/README\.md", target)
        if plugin:
            return f"]({plugin[1]}.md)" if target.startswith("..") else f"](plugins/{plugin[1]}.md)"
        return f"]({known.get(target, target)}{anchor})"

    return LINK.sub(link, text)


def pages_of_faces() -> list[tuple[str, str]]:
    """Return a page for each face, with the docstrings of its public names."""
    return [(f"api/{face}.md", page_of_face(face, FACES[face])) for face in sorted(FACES)]


def page_of_face(face: str, path: Path) -> str:
    """Return the names that live behind a face, and links to those that it takes from others."""
    about = ast.get_docstring(ast.parse(path.with_suffix(".py").read_text("utf-8"))) or ""
    lines = [f"# {face}", "", about, ""]
    if path.suffix == ".py":
        return "\n".join(
            [*lines, f"::: {face}", "    options:", "      show_root_heading: false", ""]
        )
    names = sorted(set(named_by(path)), key=last)
    own = [name for name in names if face_of(name) == face]
    others = [f"[`{last(name)}`][{name}]" for name in names if name not in own]
    if others:
        lines += [f"From other faces: {', '.join(others)}.", ""]
    return "\n".join([*lines, *(f"::: {name}\n" for name in own)])


def face_of(name: str) -> str:
    """Return the nearest face above a definition that exports it."""
    above = [face for face, path in FACES.items() if name.startswith(f"{face}.")]
    return max((face for face in above if name in set(named_by(FACES[face]))), key=len)


def last(name: str) -> str:
    return name.rpartition(".")[2]


def named_by(stub: Path) -> Iterator[str]:
    """Yield where the names of a stub are defined, those of the core's modules only."""
    for node in ast.walk(ast.parse(stub.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("automodel_core"):
            source = ROOT.joinpath(*str(node.module).split(".")).with_suffix(".py")
            defined = definitions(source) if source.is_file() else frozenset()
            yield from (
                f"{node.module}.{alias.name}" for alias in node.names if alias.name in defined
            )


def definitions(source: Path) -> frozenset[str]:
    """Return the classes and functions of a module that have docstrings."""
    kinds = (ast.ClassDef, ast.FunctionDef)
    tree = ast.parse(source.read_text("utf-8"))
    return frozenset(n.name for n in tree.body if isinstance(n, kinds) and ast.get_docstring(n))


def architectures() -> str:
    """Return the gallery: what each plugin serves, and how large it is."""
    lines = [
        "# Architectures",
        "",
        "One distribution each: `pip install` what you use. [Performance](performance.md) says how",
        "fast they are, and against what. Yours is missing? [Write a plugin](plugins.md).",
        "",
        "| distribution | model types | tasks | needs | lines of Python |",
        "|---|---|---|---|---|",
    ]
    for project in PROJECTS:
        about = read_toml(project)["project"]
        found = architectures_of(project)
        types = ", ".join(f"`{architecture.model_type}`" for architecture in found)
        tasks = dict.fromkeys(task for architecture in found for task in architecture.models)
        needs = [re.split(r"[<>=]", need)[0] for need in about["dependencies"]]
        needs = [need for need in needs if need not in ("automodel-core", "torch")]
        package = project.with_name(about["name"].replace("-", "_"))
        count = sum(len(path.read_text("utf-8").splitlines()) for path in package.rglob("*.py"))
        lines.append(
            f"| [{about['name']}](plugins/{about['name']}.md) | {types} | {', '.join(tasks)} "
            f"| {', '.join(needs)} | {count} |"
        )
    return "\n".join(lines) + "\n"


def command_line() -> str:
    """Return the help of every command."""
    overview = help_of()
    commands = re.findall(r"^    (\w+) ", overview, re.MULTILINE)
    parts = ["# Command line", "", f"```text\n{overview}```", ""]
    for command in commands:
        parts += [f"## {command}", "", f"```text\n{help_of(command)}```", ""]
    return "\n".join(parts)


def help_of(*command: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "automodel_core", *command, "--help"],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
