"""``check --wheel`` installs a wheel into an environment of its own, and runs the suite there."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zipfile import ZipFile

import pytest

from automodel_core.cli import main, wheels

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / "automodel_new-1.0-py3-none-any.whl"
    with ZipFile(path, "w") as archive:
        archive.writestr("automodel_new-1.0.dist-info/METADATA", "Name: automodel-new\n\nbody")
    return path


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Run nothing, and note the commands."""
    commands: list[list[str]] = []

    def run(command: list[Any], **options: Any) -> Any:
        assert "PYTHONPATH" not in options["env"]
        assert os.fspath(command[0]).startswith(os.fspath(options["cwd"]))
        commands.append([str(part) for part in command[1:]])
        return SimpleNamespace(returncode=3 if "automodel_core" in command else 0)

    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    monkeypatch.setattr(wheels.venv, "create", lambda folder, with_pip: None)
    monkeypatch.setattr(wheels.subprocess, "run", run)
    return commands


def test_a_wheel_is_installed_with_bounds_and_checked(wheel: Path, ran: list[list[str]]) -> None:
    folder = wheel.parent
    (folder / "constraints.txt").write_text("torch==2.6\n", "utf-8")
    bounds = ["--constraint", str(folder / "constraints.txt"), "--find-links", str(folder)]
    assert main(["check", "--wheel", str(wheel), *bounds, "--config", "tiny.json", "--json"]) == 3
    install, consistent, check = ran
    assert install[:3] == ["-m", "pip", "install"]
    assert install[-5:] == [
        "-c", str(folder / "constraints.txt"), "--find-links", str(folder), str(wheel)
    ]  # fmt: skip
    assert consistent[:3] == ["-m", "pip", "check"]
    assert check[:4] == ["-m", "automodel_core", "check", "automodel-new"]
    assert check[-1] == "--json"
    assert Path(check[check.index("--config") + 1]).is_absolute()


def test_what_is_no_wheel_is_told(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "not.whl").write_text("text", "utf-8")
    assert main(["check", "--wheel", str(tmp_path / "not.whl")]) == 1
    assert "cannot be read" in capsys.readouterr().err
    with ZipFile(tmp_path / "empty.whl", "w") as archive:
        archive.writestr("a.txt", "")
    assert main(["check", "--wheel", str(tmp_path / "empty.whl")]) == 1
    assert "holds no distribution" in capsys.readouterr().err
    assert main(["check"]) == 1
    assert "--wheel FILE" in capsys.readouterr().err
