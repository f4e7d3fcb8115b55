"""Fail unless exactly the distributions given as arguments are installed, from wheels.

``nox -s plugins`` runs this in the environment of one plugin, away from the source tree.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.metadata import distributions
from pathlib import Path


def main(expected: list[str]) -> None:
    """Compare the installed automodel distributions with ``expected``."""
    installed = sorted(
        distribution.name
        for distribution in distributions()
        if distribution.name.startswith("automodel")
    )
    if installed != sorted(expected):
        sys.exit(f"installed: {installed}, expected: {sorted(expected)}")
    for name in expected:
        package = import_module(name.replace("-", "_"))
        folder = Path(str(package.__file__)).parent
        if "site-packages" not in folder.parts:
            sys.exit(f"{name} comes from {folder}, not from a wheel")
        if not (folder / "py.typed").is_file():
            sys.exit(f"{name} lacks py.typed")
    if "torch" in sys.modules:
        sys.exit("importing the packages imported torch")
    print(f"alone: {', '.join(installed)}")


if __name__ == "__main__":
    main(sys.argv[1:])
