"""The files of a new plugin, made of the templates beside this module.

A template is a package like any other, whose architecture is called Newcomer; that name becomes
the one wanted. A kind of plugin is a folder of ``templates/``, and so is a kind of tokenizer. In
the names of files, ``.tmpl`` behind Python's keeps tools from taking them for the core's, and
``dot-`` stands for ``.``, which packaging leaves out.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from importlib import resources
from typing import TYPE_CHECKING

from automodel_core.cli.scaffold.kinds import READS_TEXT
from automodel_core.cli.scaffold.pyproject import pyproject
from automodel_core.errors import InputError, shown

if TYPE_CHECKING:
    from importlib.abc import Traversable

__all__ = ["plugin_files"]

TEMPLATES = resources.files("automodel_core.cli.scaffold") / "templates"
NAME = re.compile(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*")
CLASS_NAME = re.compile(r"[A-Z][A-Za-z0-9]*")

NEEDS = "requirements.txt"
"""The file of a template that says what the plugin depends on beside the core."""
MODULE_OF_TOKENIZER = "automodel_newcomer.tokenization"


def plugin_files(
    name: str, kind: str = "decoder", tokenizer: str = "any", class_name: str | None = None
) -> dict[str, str]:
    """Return the texts of a new plugin's files by their paths; ``name`` is its model type.

    Classes are called ``class_name`` and what they are, by default the model type's words, each
    with a capital. Raises `InputError` for a name that no model type or class can have, and for a
    tokenizer beside a model that reads no text.
    """
    if not NAME.fullmatch(name) or name == "core":
        raise InputError(
            f"{shown(name)} cannot be a model type: lower-case letters and digits were expected, "
            "in words joined by '-' or '_', such as my-gpt"
        )
    if class_name is None:
        class_name = "".join(part.capitalize() for part in re.split("[_-]", name))
    elif not CLASS_NAME.fullmatch(class_name):
        raise InputError(
            f"{shown(class_name)} cannot begin the name of a class: letters and digits were "
            "expected, a capital first, such as MyGPT"
        )
    if tokenizer != "any" and kind not in READS_TEXT:
        raise InputError(f"--tokenizer {tokenizer} is for models that read text, not for {kind}")
    folders = ["common", kind, *([tokenizer] if tokenizer != "any" else [])]
    found = [file for folder in folders for file in _files_of(TEMPLATES / folder)]
    needs = [text.splitlines() for path, text in found if path == NEEDS]
    texts = {path: text for path, text in found if path != NEEDS}
    if tokenizer == "any":
        texts = {path: _without_tokenizer(text) for path, text in texts.items()}
    texts["pyproject.toml"] = _project(kind, sorted(itertools.chain(*needs)))
    return {
        renamed(path.removesuffix(".tmpl").replace("dot-", "."), name, class_name): renamed(
            text, name, class_name
        )
        for path, text in sorted(texts.items())
    }


def renamed(text: str, name: str, class_name: str) -> str:
    """Return a template's text or path with the names of the new plugin in place of Newcomer."""
    words = {
        "automodel-newcomer": f"automodel-{name.replace('_', '-')}",
        "automodel_newcomer": f"automodel_{name.replace('-', '_')}",
        "newcomer-embedding": f"{name.replace('_', '-')}-embedding",
        "newcomer_": f"{name.replace('-', '_')}_",
        "_newcomer": f"_{name.replace('-', '_')}",
        "newcomer": name,
        "Newcomer": class_name,
    }
    return re.sub("|".join(words), lambda found: words[found.group()], text)


def _files_of(folder: Traversable, path: str = "") -> Iterator[tuple[str, str]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _files_of(entry, f"{path}{entry.name}/")
        else:
            yield f"{path}{entry.name}", entry.read_text("utf-8")


def _without_tokenizer(text: str) -> str:
    """Return a text without the lines that name the tokenizer's module."""
    return "".join(
        line for line in text.splitlines(keepends=True) if MODULE_OF_TOKENIZER not in line
    )


def _project(kind: str, needs: list[str]) -> str:
    extends = kind == "extension"
    group, module = (
        ("automodel.extensions", "extensions") if extends else ("automodel.architectures", "plugin")
    )
    return pyproject(
        {
            "name": "automodel-newcomer",
            "version": "0.1.0",
            "description": "Newcomer for automodel-core.",
            "readme": "README.md",
            "license": "Apache-2.0",
            "license-files": ["LICENSE"],
            "requires-python": ">=3.10",
            "dependencies": ["automodel-core>=0.1,<2", *needs],
            "optional-dependencies": {"testing": ["automodel-core[testing]"]},
            "entry-points": {group: {"newcomer": f"automodel_newcomer.{module}"}},
        },
        package="automodel_newcomer",
    )
