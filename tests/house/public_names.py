"""The faces of the core, and the names that they export: ``python tests/house/public_names.py``.

A face is a package with a stub, or one of the modules at the top that are one subject each.
"""

from __future__ import annotations

import ast
from pathlib import Path

__all__ = ["FACES", "SNAPSHOT", "public_names"]

ROOT = Path(__file__).parents[2]
CORE = ROOT / "automodel_core"
SNAPSHOT = Path(__file__).with_name("public_names.txt")


def dotted(path: Path) -> str:
    """Return the name by which a module or package below the root is imported."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


FACES = {
    dotted(path): path
    for path in [
        *CORE.rglob("__init__.pyi"),
        *(CORE / f"{name}.py" for name in ("errors", "exports", "fields")),
        CORE / "processing.py",
        CORE / "testing" / "__init__.py",
    ]
}
FACES.setdefault("automodel_core", CORE / "__init__.py")


def exported(path: Path) -> set[str]:
    """Return what a stub imports for others or declares, or what a module lists in ``__all__``."""
    tree, names = ast.parse(path.read_text(encoding="utf-8")), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names |= {alias.asname for alias in node.names if alias.asname == alias.name}
            if node.names[0].name == "*":
                names |= exported(FACES[str(node.module)])
    for node in tree.body:
        if path.suffix == ".pyi" and isinstance(node, ast.FunctionDef):
            names.add(node.name)
        if path.suffix == ".pyi" and isinstance(node, ast.AnnAssign):
            names.add(ast.unparse(node.target))
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            names |= set(ast.literal_eval(node.value))
    return names


def public_names() -> str:
    """Return a line for each public name, ``face: name``."""
    lines = [f"{face}: {name}" for face in sorted(FACES) for name in sorted(exported(FACES[face]))]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    SNAPSHOT.write_text(public_names(), encoding="utf-8")
