"""The ``pyproject.toml`` of a plugin: its ``[project]`` table, and what is the same for all."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["pyproject"]

KEYS = (
    "name",
    "version",
    "description",
    "readme",
    "license",
    "license-files",
    "requires-python",
    "keywords",
    "classifiers",
    "dependencies",
)
"""The keys of ``[project]`` in the order in which they are written; its tables come after them."""

MAX_WIDTH = 100
BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")

BUILD = """\
[build-system]
requires = ["setuptools>=77.0.3"]
build-backend = "setuptools.build_meta"
"""

TOOLS = """\
[tool.setuptools]
package-dir = {{ "" = "." }} # an editable install is a path, which type checkers follow

[tool.setuptools.packages.find]
include = ["{package}", "{package}.*"]

[tool.setuptools.package-data]
"*" = ["py.typed", "*.pyi"]

[tool.pytest.ini_options]
minversion = "8.0"
testpaths = ["tests"]
addopts = ["--import-mode=importlib", "--strict-config", "--strict-markers", "-ra"]
filterwarnings = [
    "error",
    "ignore:Failed to initialize NumPy:UserWarning", # torch says so where there is none
]
"""


def pyproject(project: Mapping[str, Any], *, package: str) -> str:
    """Return the text of the file, with ``project`` as its ``[project]`` table."""
    return "\n".join([BUILD, *_tables("project", project), TOOLS.format(package=package)])


def _tables(name: str, content: Mapping[str, Any]) -> Iterator[str]:
    """Yield the text of a table, its values in the order of ``KEYS``, then of the tables in it."""
    order = {key: place for place, key in enumerate(KEYS)}
    values = {key: value for key, value in content.items() if not isinstance(value, Mapping)}
    if values:
        keys = sorted(values, key=lambda key: order.get(key, len(order)))
        yield "\n".join([f"[{name}]", *(_line(_key(key), values[key]) for key in keys), ""])
    for key, value in content.items():
        if isinstance(value, Mapping):
            yield from _tables(f"{name}.{_key(key)}", value)


def _key(key: str) -> str:
    return key if BARE_KEY.fullmatch(key) else json.dumps(key)


def _line(key: str, value: str | list[str]) -> str:
    """Return the statement of a value; a list that is too long for a line has one for each item."""
    if isinstance(value, str):
        return f"{key} = {json.dumps(value, ensure_ascii=False)}"
    items = [json.dumps(item, ensure_ascii=False) for item in value]
    line = f"{key} = [{', '.join(items)}]"
    if len(line) <= MAX_WIDTH:
        return line
    return "\n".join([f"{key} = [", *(f"    {item}," for item in items), "]"])
