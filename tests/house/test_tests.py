"""The tests of the house are found: by a module's name, or by naming it where they begin."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = ROOT / "automodel_core"
FLOORS = ("generation",)
MODULES = [
    path
    for floor in FLOORS
    for path in sorted((CORE / floor).rglob("*.py"))
    if path.stem != "__init__"
]


def docstring(path: Path) -> str:
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(CORE).as_posix())
def test_every_module_has_a_test_or_is_named_in_one(module: Path) -> None:
    floor = ROOT / "tests" / module.relative_to(CORE).parts[0]
    room = ROOT / "tests" / module.relative_to(CORE).parent
    if (room / f"test_{module.stem}.py").is_file():
        return
    name = module.relative_to(CORE / floor.name).with_suffix("").as_posix().replace("/", ".")
    named = re.compile(rf"`{re.escape(name)}`")
    assert any(named.search(docstring(path)) for path in floor.rglob("test_*.py")), (
        f"no test_{module.stem}.py in {room.relative_to(ROOT)}, and no docstring of a test names "
        f"`{name}`"
    )
