"""``check --wheel``: the conformance suite on a wheel, in an environment of its own."""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import venv
from email.parser import HeaderParser
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from automodel_core.cli.output import note
from automodel_core.errors import InputError, shown

__all__ = ["check_wheel"]


def check_wheel(options: argparse.Namespace) -> int:
    """Install a wheel and what it needs into a new environment, and run ``check`` there.

    Packages come from where pip is configured to look, or with ``--find-links`` from folders;
    ``--constraint`` files bound their versions. Returns the exit status of ``check``.
    """
    wheel = Path(options.wheel).resolve()
    name = distribution_in(wheel)
    with tempfile.TemporaryDirectory() as folder:
        note(f"{name}: installing {wheel.name} into an environment of its own")
        venv.create(folder, with_pip=True)
        python = Path(folder, "Scripts" if os.name == "nt" else "bin", "python")
        install = ["-m", "pip", "install", "-q", "--disable-pip-version-check"]
        for constraint in options.constraint or ():
            install += ["-c", str(Path(constraint).resolve())]
        for links in options.find_links or ():
            install += ["--find-links", str(Path(links).resolve())]
        check = ["-m", "automodel_core", "check", name]
        if options.config is not None:
            check += ["--config", str(Path(options.config).resolve())]
        if options.reference is not None:
            check += ["--reference", str(Path(options.reference).resolve())]
        if options.json:
            check.append("--json")
        for arguments in ([*install, str(wheel)], ["-m", "pip", "check", "-q"], check):
            ran = subprocess.run([python, *arguments], cwd=folder, env=environment(), check=False)  # noqa: S603
            if ran.returncode:
                return ran.returncode
    return 0


def environment() -> dict[str, str]:
    """Return the variables of this process, without those that would show it other packages."""
    hidden = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__"}
    return {name: value for name, value in os.environ.items() if name not in hidden}


def distribution_in(wheel: Path) -> str:
    """Return the name of the distribution in a wheel; raise `InputError` if it holds none."""
    try:
        with ZipFile(wheel) as archive:
            inside = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
            text = archive.read(inside[0]).decode("utf-8") if inside else ""
    except (OSError, BadZipFile) as error:
        raise InputError(f"--wheel {shown(str(wheel))} cannot be read: {error}") from None
    name = HeaderParser().parsestr(text, headersonly=True).get("Name")
    if not name:
        raise InputError(f"--wheel {shown(str(wheel))} holds no distribution")
    return name
