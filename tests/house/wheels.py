"""Fail unless the folder given as argument holds sound wheels and source archives of everything."""

from __future__ import annotations

import sys
import zipfile
from email.parser import Parser
from pathlib import Path


def complaints(wheel: Path) -> list[str]:
    """Return what is wrong with one wheel."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata_name = next(name for name in names if name.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(archive.read(metadata_name).decode("utf-8"))
    package = str(metadata["Name"]).replace("-", "_")
    info = metadata_name.partition("/")[0]
    wanted = [f"{package}/__init__.py", f"{package}/py.typed", f"{info}/licenses/LICENSE"]
    if package == "automodel_core":
        wanted += [f"{package}/registry/catalog.json", f"{package}/testing/__init__.py"]
    wrong = [f"{name} is missing" for name in wanted if name not in names]
    strangers = {name.partition("/")[0] for name in names} - {package, info}
    wrong += [f"{name}/ does not belong in it" for name in sorted(strangers)]
    for field in ("License-Expression", "Requires-Python", "Summary"):
        if not metadata[field]:
            wrong.append(f"METADATA has no {field}")
    if not metadata.get_payload():
        wrong.append("METADATA has no description")
    return [f"{wheel.name}: {complaint}" for complaint in wrong]


def main(folder: Path) -> None:
    """Check every wheel of ``folder``, and that each has its source archive."""
    wheels = sorted(folder.glob("*.whl"))
    archives = sorted(folder.glob("*.tar.gz"))
    wrong = [complaint for wheel in wheels for complaint in complaints(wheel)]
    if not wheels or len(wheels) != len(archives):
        wrong.append(f"{len(wheels)} wheels and {len(archives)} source archives")
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"sound: {', '.join(wheel.name for wheel in wheels)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
