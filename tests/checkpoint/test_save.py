"""Saving: whole files, the hub's names, each tensor once, and nothing half-written."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest
import safetensors.torch
import torch

from automodel_core.checkpoint.formats.choice import open_weights
from automodel_core.checkpoint.places.source import open_checkpoint
from automodel_core.checkpoint.save import save_weights
from automodel_core.errors import InputError
from automodel_core.registry import imports

STATE = {"a": torch.randn(4), "b": torch.randn(2, 2), "c": torch.arange(3)}


def listing(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def test_the_reference_reads_every_shard(tmp_path: Path) -> None:
    paths = save_weights(STATE, tmp_path, max_shard_size=20)
    assert listing(tmp_path) == [
        "model-00001-of-00003.safetensors",
        "model-00002-of-00003.safetensors",
        "model-00003-of-00003.safetensors",
        "model.safetensors.index.json",
    ]
    assert [path.name for path in paths] == listing(tmp_path)
    index = json.loads((tmp_path / "model.safetensors.index.json").read_text())
    assert index["metadata"] == {"total_parameters": 11, "total_size": 56}
    for name, shard in index["weight_map"].items():
        assert torch.equal(safetensors.torch.load_file(tmp_path / shard)[name], STATE[name])
    with safetensors.safe_open(tmp_path / "model-00001-of-00003.safetensors", "pt") as file:
        assert file.metadata() == {"format": "pt"}


@pytest.mark.parametrize(
    ("size", "shards"),
    [("5GB", 1), ("0.02KB", 3), (20, 3), ("1KiB", 1), ("36", 2), (1, 3), ("1 tb", 1)],
)
def test_shard_sizes(size: int | str, shards: int, tmp_path: Path) -> None:
    paths = save_weights(STATE, tmp_path, max_shard_size=size)
    assert len([path for path in paths if path.suffix == ".safetensors"]) == shards


@pytest.mark.parametrize("size", [0, -1, "", "GB", "5XB", "-5GB", True, None, "1e3MB", "inf"])
def test_shard_sizes_that_are_none(size: object, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="max_shard_size"):
        save_weights(STATE, tmp_path, max_shard_size=size)  # type: ignore[arg-type]


def test_variants(tmp_path: Path) -> None:
    save_weights(STATE, tmp_path)
    save_weights(STATE, tmp_path, variant="fp16", max_shard_size=36)
    assert listing(tmp_path) == [
        "model.fp16-00001-of-00002.safetensors",
        "model.fp16-00002-of-00002.safetensors",
        "model.safetensors",
        "model.safetensors.index.fp16.json",
    ]
    assert sorted(open_weights(open_checkpoint(tmp_path), variant="fp16")) == ["a", "b", "c"]
    save_weights(STATE, tmp_path, variant="fp16", safe_serialization=False)
    assert listing(tmp_path) == ["model.safetensors", "pytorch_model.fp16.bin"]


def test_pickles_are_read_by_torch(tmp_path: Path) -> None:
    large = torch.randn(1000)
    state = {**STATE, "part": large[:3], "turned": torch.randn(3, 2).t()}
    (path,) = save_weights(state, tmp_path, safe_serialization=False)
    assert path.stat().st_size < 3500
    loaded = torch.load(path, weights_only=True)
    assert all(torch.equal(loaded[name], state[name]) for name in state)


def test_shared_tensors_are_written_once(tmp_path: Path) -> None:
    weight = torch.nn.Parameter(torch.randn(3, 3))
    state = {"head": weight, "embed": weight, "alias": weight.data, "turned": weight.data.t()}
    save_weights(state, tmp_path)
    assert safetensors.torch.load_file(tmp_path / "model.safetensors").keys() == {"head", "turned"}
    save_weights(state, tmp_path, tied={"head": "embed", "alias": "embed"})
    saved = safetensors.torch.load_file(tmp_path / "model.safetensors")
    assert saved.keys() == {"embed", "turned"}
    assert torch.equal(saved["turned"], weight.t())


def test_stale_files_go_after_success_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model-card.safetensors").write_text("not ours")
    save_weights(STATE, tmp_path, max_shard_size=20)
    old = {name: (tmp_path / name).read_bytes() for name in listing(tmp_path)}

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setitem(imports._resolved, "automodel_core.checkpoint.save:write_safetensors", full)
        with pytest.raises(OSError, match="No space"):
            save_weights(STATE, tmp_path)
    assert {name: (tmp_path / name).read_bytes() for name in listing(tmp_path)} == old
    save_weights(STATE, tmp_path)
    assert listing(tmp_path) == ["config.json", "model-card.safetensors", "model.safetensors"]


def test_saving_over_the_mapped_file_of_the_same_tensors(tmp_path: Path) -> None:
    save_weights(STATE, tmp_path)
    tensors = open_weights(open_checkpoint(tmp_path))
    mapped = {name: tensors.tensor(name) for name in tensors}
    save_weights({name: mapped[name] for name in mapped}, tmp_path)
    again = open_weights(open_checkpoint(tmp_path))
    for name, tensor in STATE.items():
        assert torch.equal(mapped[name], tensor)
        assert torch.equal(again.tensor(name), tensor)


def test_two_savers_leave_one_whole_save(tmp_path: Path) -> None:
    def save(value: float) -> None:
        for _ in range(5):
            state = {name: torch.full((4,), value) for name in "abcd"}
            save_weights(state, tmp_path, max_shard_size=16)

    threads = [threading.Thread(target=save, args=(value,)) for value in (1.0, 2.0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tensors = open_weights(open_checkpoint(tmp_path))
    assert len({float(tensors.tensor(name)[0]) for name in "abcd"}) == 1
    assert len(listing(tmp_path)) == 5


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ({"a": torch.zeros(1, device="meta")}, "meta device"),
        ({"a": torch.zeros(2, 2).to_sparse()}, "dense"),
        ({"a": 3}, "dense"),
        ({"a": torch.zeros(1, dtype=torch.complex128)}, "does not know"),
    ],
)
def test_what_cannot_be_saved(state: dict[str, torch.Tensor], reason: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=reason):
        save_weights(state, tmp_path)
    assert listing(tmp_path) == []
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        save_weights(STATE, tmp_path / "file")
