"""Locks: what they record, and that loads refuse everything else."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from automodel_core import AutoConfig, AutoModel, AutoModelForCausalLM, AutoTokenizer
from automodel_core.auto.lock import lock_checkpoint
from automodel_core.errors import CheckpointFormatError, InputError, LockMismatchError
from automodel_core.generation import GenerationConfig
from support.hub import FakeHub


@pytest.fixture
def complete(checkpoint: Path, tokenizer_json: bytes, tmp_path: Path) -> Path:
    """A checkpoint with a tokenizer and generation settings, and files that nobody reads."""
    folder = Path(shutil.copytree(checkpoint, tmp_path / "complete"))
    (folder / "tokenizer.json").write_bytes(tokenizer_json)
    (folder / "tokenizer_config.json").write_text('{"unk_token": "[UNK]"}')
    (folder / "generation_config.json").write_text('{"max_new_tokens": 3}')
    (folder / "README.md").write_text("# A model")
    return folder


READ = {
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
}


def load_all(name: Any, lock: Any) -> None:
    AutoConfig.from_pretrained(name, lock=lock)
    AutoTokenizer.from_pretrained(name, lock=lock)
    AutoModelForCausalLM.from_pretrained(name, lock=lock)
    GenerationConfig.from_pretrained(name, lock=lock)


def test_a_lock_lists_what_loads_read(complete: Path, tiny_gpt: Any, tmp_path: Path) -> None:
    lock = lock_checkpoint(complete)
    assert lock.files.keys() == READ
    assert lock.commit is None
    assert lock.packages.keys() == {"automodel-core", "automodel-tiny-gpt"}
    path = tmp_path / "lock.json"
    path.write_text(json.dumps(lock.to_dict()))
    for given in (path, str(path), lock.to_dict(), lock):
        load_all(complete, given)
    elsewhere = shutil.copytree(complete, tmp_path / "elsewhere")
    load_all(elsewhere, path)


@pytest.mark.parametrize("name", sorted(READ))
def test_a_changed_file_is_refused(name: str, complete: Path, tiny_gpt: Any) -> None:
    lock = lock_checkpoint(complete)
    data = bytearray((complete / name).read_bytes())
    data[-2] ^= 1
    (complete / name).write_bytes(data)
    with pytest.raises(LockMismatchError, match=rf"'{name}' is not the locked one") as caught:
        load_all(complete, lock)
    assert lock.files[name].sha256 in str(caught.value)
    (complete / name).unlink()
    with pytest.raises(LockMismatchError, match=rf"'{name}' is not there: expected sha256"):
        load_all(complete, lock)


@pytest.mark.parametrize("name", ["chat_template.jinja", "additional_chat_templates/x.jinja"])
def test_a_file_too_many_is_refused(name: str, complete: Path, tiny_gpt: Any) -> None:
    lock = lock_checkpoint(complete)
    (complete / "additional_chat_templates").mkdir()
    (complete / name).write_text("{{ messages }}")
    with pytest.raises(LockMismatchError, match=f"'{name}' is not in the lock"):
        AutoTokenizer.from_pretrained(complete, lock=lock)
    assert name in lock_checkpoint(complete).files


def test_other_weights_are_refused(complete: Path, tiny_gpt: Any) -> None:
    model = AutoModel.from_pretrained(complete)
    model.save_pretrained(complete, safe_serialization=False)
    lock = lock_checkpoint(complete)
    assert "pytorch_model.bin" in lock.files
    model.save_pretrained(complete)
    with pytest.raises(LockMismatchError, match=r"'model.safetensors' is not in the lock"):
        AutoModel.from_pretrained(complete, lock=lock)


def test_shards_are_locked(complete: Path, tiny_gpt: Any) -> None:
    AutoModel.from_pretrained(complete).save_pretrained(complete, max_shard_size="10KB")
    lock = lock_checkpoint(complete)
    shards = {path.name for path in complete.glob("model-*.safetensors")}
    assert lock.files.keys() >= shards | {"model.safetensors.index.json"}
    assert len(shards) > 1
    AutoModel.from_pretrained(complete, lock=lock)
    data = bytearray((complete / max(shards)).read_bytes())
    data[-1] ^= 1
    (complete / max(shards)).write_bytes(data)
    with pytest.raises(LockMismatchError, match=max(shards)):
        AutoModel.from_pretrained(complete, lock=lock)


def test_other_packages_are_refused(complete: Path, tiny_gpt: Any) -> None:
    values = lock_checkpoint(complete).to_dict()
    other = copy.deepcopy(values)
    other["packages"]["automodel-tiny-gpt"] = "0.9"
    with pytest.raises(LockMismatchError, match=r"automodel-tiny-gpt 0\.9, found 1\.0"):
        AutoConfig.from_pretrained(complete, lock=other)
    del other["packages"]["automodel-tiny-gpt"]
    AutoConfig.from_pretrained(complete, lock=other)
    with pytest.raises(LockMismatchError, match="would come from automodel-tiny-gpt"):
        AutoModel.from_pretrained(complete, lock=other)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"lock": 2}, "format 2, and this version reads 1"),
        ({"files": None}, "is no lock"),
        ({"files": {"config.json": "abc"}}, "a sha256 and a size were expected"),
    ],
)
def test_what_is_no_lock(change: dict[str, Any], error: str, complete: Path, tiny_gpt: Any) -> None:
    values = {**lock_checkpoint(complete).to_dict(), **change}
    with pytest.raises(CheckpointFormatError, match=error):
        AutoConfig.from_pretrained(complete, lock=values)


def test_a_lock_is_of_a_whole_checkpoint(complete: Path, tiny_gpt: Any) -> None:
    lock = lock_checkpoint(complete)
    with pytest.raises(InputError, match="single file"):
        AutoConfig.from_pretrained(complete / "config.json", lock=lock)
    with pytest.raises(InputError, match="lock=3"):
        AutoConfig.from_pretrained(complete, lock=3)


def test_weights_of_the_hub_are_locked_by_what_it_announces(
    complete: Path, tiny_gpt: Any, hub: FakeHub
) -> None:
    commit = hub.add_folder("org/model", complete)
    lock = lock_checkpoint("org/model")
    assert lock.commit == commit
    assert lock.files == lock_checkpoint(complete).files
    assert not [path for path in hub.paths("GET") if path.endswith("model.safetensors")]


def test_a_lock_loads_its_commit(complete: Path, tiny_gpt: Any, hub: FakeHub) -> None:
    commit = hub.add_folder("org/model", complete)
    lock = lock_checkpoint("org/model")
    (complete / "generation_config.json").write_text("{}")
    newer = hub.add_folder("org/model", complete)
    load_all("org/model", lock)
    assert GenerationConfig.from_pretrained("org/model", lock=lock).max_new_tokens == 3
    with pytest.raises(LockMismatchError, match=f"expected commit {commit} .*{newer}"):
        AutoModel.from_pretrained("org/model", revision="main", lock=lock)
    hub.add_folder("org/other", complete)
    with pytest.raises(LockMismatchError, match="'org/other': expected commit"):
        AutoModel.from_pretrained("org/other", lock=lock)


def test_a_folder_inside_a_repository(complete: Path, tiny_gpt: Any, hub: FakeHub) -> None:
    shutil.copytree(complete, complete / "part")
    hub.add_folder("org/model", complete)
    lock = lock_checkpoint("org/model", subfolder="part")
    assert lock.files.keys() == {f"part/{name}" for name in READ}
    AutoModel.from_pretrained("org/model", subfolder="part", lock=lock)
    with pytest.raises(LockMismatchError, match=r"'config.json' is not in the lock"):
        AutoModel.from_pretrained("org/model", lock=lock)
