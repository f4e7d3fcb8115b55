"""``automodel-core lock`` and ``verify``."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import hf_hub_download

from automodel_core import AutoModel
from automodel_core.cli import main
from support.hub import FakeHub, hub

__all__ = ["hub"]

Capture = pytest.CaptureFixture[str]


def spoil(path: Path) -> None:
    """Change one byte of a file."""
    data = bytearray(path.read_bytes())
    data[-2] ^= 1
    path.write_bytes(data)


@pytest.fixture
def lock_file(checkpoint: Path, tiny_gpt: Any, tmp_path: Path, capsys: Capture) -> Path:
    assert main(["lock", str(checkpoint)]) == 0
    path = tmp_path / "lock.json"
    path.write_text(capsys.readouterr().out)
    return path


def states(capsys: Capture) -> dict[str, str]:
    checks = json.loads(capsys.readouterr().out)["checks"]
    return {check["what"]: check["state"] for check in checks}


def test_verify_with_a_lock(
    lock_file: Path, checkpoint: Path, tmp_path: Path, capsys: Capture
) -> None:
    folder = Path(shutil.copytree(checkpoint, tmp_path / "copy"))
    command = ["verify", "--lock", str(lock_file), str(folder), "--json"]
    assert main(command) == 0
    assert set(states(capsys).values()) == {"ok"}
    (folder / "tokenizer_config.json").write_text("{}")
    assert main(command) == 1
    assert states(capsys)["tokenizer_config.json"] == "unlisted"
    (folder / "config.json").unlink()
    spoil(folder / "model.safetensors")
    assert main(command[:-1]) == 1
    said = capsys.readouterr().out
    assert "config.json: expected sha256" in said
    assert "model.safetensors: expected sha256" in said


def test_verify_other_packages(lock_file: Path, checkpoint: Path, capsys: Capture) -> None:
    values = json.loads(lock_file.read_text())
    values["packages"] |= {"automodel-core": "0.0.1", "automodel-absent": "1"}
    lock_file.write_text(json.dumps(values))
    assert main(["verify", "--lock", str(lock_file), str(checkpoint), "--json"]) == 1
    found = states(capsys)
    assert found["automodel-core"] == found["automodel-absent"] == "differs"


def test_verify_a_repository_with_a_lock(
    checkpoint: Path, tiny_gpt: Any, hub: FakeHub, tmp_path: Path, capsys: Capture
) -> None:
    hub.add_folder("org/model", checkpoint)
    assert main(["lock", "org/model"]) == 0
    (tmp_path / "lock.json").write_text(capsys.readouterr().out)
    hub.add("org/model", {"config.json": b"{}"})
    command = ["verify", "org/model", "--lock", str(tmp_path / "lock.json"), "--json"]
    assert main(command) == 0
    assert states(capsys)["commit"] == "ok"
    assert main([*command, "--revision", "main"]) == 1
    found = states(capsys)
    assert (found["commit"], found["model.safetensors"]) == ("differs", "missing")


def test_verify_the_cache(
    checkpoint: Path, tiny_gpt: Any, hub: FakeHub, tmp_path: Path, capsys: Capture
) -> None:
    """The client names files by what the hub announced: sha256, or what git calls their content."""
    hub.add_folder("org/model", checkpoint)
    AutoModel.from_pretrained("org/model")
    hub.status = 500
    assert main(["verify", "org/model", "--json"]) == 0
    assert set(states(capsys).values()) == {"ok"}
    (config,) = (tmp_path / "cache").glob("models--org--model/snapshots/*/config.json")
    spoil(config.resolve())
    assert main(["verify", "org/model", "--json"]) == 1
    assert states(capsys)["config.json"] == "differs"
    spoil((config.parent / "model.safetensors").resolve())
    assert main(["verify", str(config.parent), "--json"]) == 1
    found = states(capsys)
    assert {name for name, state in found.items() if state == "differs"} == {
        "config.json",
        "model.safetensors",
    }
    assert main(["verify", "org/never-fetched"]) == 1
    assert "there is nothing to verify" in capsys.readouterr().err


def test_verify_a_folder(
    checkpoint: Path, tiny_gpt: Any, hub: FakeHub, tmp_path: Path, capsys: Capture
) -> None:
    hub.add_folder("org/model", checkpoint)
    folder = tmp_path / "local"
    for path in checkpoint.iterdir():
        hf_hub_download("org/model", path.name, local_dir=folder)
    assert main(["verify", str(folder), "--json"]) == 0
    assert set(states(capsys).values()) == {"ok"}
    spoil(folder / "config.json")
    assert main(["verify", str(folder), "--json"]) == 1
    assert states(capsys)["config.json"] == "differs"
    shutil.rmtree(folder / ".cache")
    assert main(["verify", str(folder), "--json"]) == 0
    assert set(states(capsys).values()) == {"unannounced"}
    with (folder / "model.safetensors").open("r+b") as file:
        file.truncate(1000)
    assert main(["verify", str(folder)]) == 1
    assert "a whole safetensors file" in capsys.readouterr().out
