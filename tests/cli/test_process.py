"""The command line as a process: quick help, one line for an error, pipes, exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from automodel_core.cli import main
from support.tiny_plugin import Site

COMMANDS = ("list", "doctor", "info", "plan", "generate", "convert", "new")


def run(
    *arguments: str, site: Site | None = None, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    path = [*([str(site.folder)] if site else []), *sys.path]
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path), **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)])
def test_help_answers_at_once(command: tuple[str, ...], tiny_site: Site) -> None:
    code = f"""
import sys
from automodel_core.cli import main
try:
    main([*{command!r}, "--help"])
except SystemExit as stop:
    assert stop.code == 0
heavy = {{"torch", "huggingface_hub", "tokenizers", "automodel_tiny_gpt"}} & set(sys.modules)
assert not heavy, heavy
"""
    done = run("-c", code, site=tiny_site)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage: automodel-core")


def test_the_module_runs_like_the_script(tiny_site: Site) -> None:
    done = run("-m", "automodel_core", "--version")
    assert done.returncode == 0
    assert done.stdout.startswith("automodel-core ")


@pytest.mark.parametrize(
    "arguments", [(), ("juggle",), ("info",), ("generate",), ("generate", "x", "--num-beams", "-1")]
)
def test_wrong_usage_is_2(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert "usage: automodel-core" in capsys.readouterr().err


def test_an_error_is_one_line_and_1(tmp_path: Path) -> None:
    done = run("-m", "automodel_core", "plan", str(tmp_path / "nowhere"))
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        f"automodel-core: error: there is no folder {str(tmp_path / 'nowhere')!r}"
    ]
    again = run("-m", "automodel_core", "plan", str(tmp_path / "nowhere"), "--debug")
    assert again.returncode == 1
    assert "Traceback" in again.stderr


def test_an_error_that_nobody_foresaw_is_one_line_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(options: object) -> int:
        raise KeyError("some\nthing")

    monkeypatch.setattr("automodel_core.cli.installed.list_plugins", fail)
    assert main(["list"]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "KeyError" in said
    assert "--debug" in said


def test_interruption_is_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(options: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("automodel_core.cli.installed.list_plugins", stop)
    assert main(["list"]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_warnings_are_one_line(
    tiny_site: Site, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "tiny-gpt-without-type"
    folder.mkdir()
    for path in checkpoint.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    text = (folder / "config.json").read_text("utf-8")
    (folder / "config.json").write_text(text.replace('"model_type"', '"was"'), "utf-8")
    done = run("-m", "automodel_core", "plan", str(folder), "--task", "base", site=tiny_site)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("automodel-core: warning: config.json of ")
    assert done.stderr.count("\n") == 1


def test_a_closed_pipe_is_no_error() -> None:
    done = subprocess.run(
        f"{sys.executable} -m automodel_core list | true",
        shell=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
