"""Which weight files are read, and that all of them are checked first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from automodel_core.checkpoint.formats.choice import find_weights, open_weights, variant_name
from automodel_core.checkpoint.places.options import HubOptions
from automodel_core.checkpoint.places.source import open_checkpoint
from automodel_core.checkpoint.save import save_weights
from automodel_core.errors import CheckpointFormatError, CheckpointNotFoundError, InputError
from support.hub import FakeHub


def test_the_order_of_formats(tmp_path: Path) -> None:
    files = open_checkpoint(tmp_path)
    with pytest.raises(CheckpointNotFoundError, match=r"looked for model\.safetensors, .*no files"):
        find_weights(files)
    torch.save({"a": torch.zeros(1)}, tmp_path / "pytorch_model.bin")
    assert find_weights(files).names == ("pytorch_model.bin",)
    with pytest.raises(CheckpointNotFoundError, match=r"to read pytorch_model\.bin"):
        find_weights(files, use_safetensors=True)
    save_weights({"a": torch.zeros(3), "b": torch.zeros(3)}, tmp_path, max_shard_size=12)
    assert len(find_weights(files).names) == 2
    save_weights({"a": torch.zeros(3)}, tmp_path)
    assert find_weights(files).names == ("model.safetensors",)
    assert find_weights(files, use_safetensors=False).names == ("pytorch_model.bin",)
    with pytest.raises(CheckpointNotFoundError, match="Leave variant="):
        find_weights(files, variant="fp16")
    save_weights({"a": torch.zeros(3)}, tmp_path, variant="fp16")
    assert find_weights(files, variant="fp16").names == ("model.fp16.safetensors",)
    with pytest.raises(InputError, match="variant"):
        find_weights(files, variant="../x")
    with pytest.raises(InputError, match="use_safetensors"):
        find_weights(files, use_safetensors="yes")  # type: ignore[arg-type]
    assert variant_name("model.safetensors.index.json", "fp16") == (
        "model.safetensors.index.fp16.json"
    )


def test_weights_of_other_frameworks_are_named(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"")
    with pytest.raises(CheckpointNotFoundError, match=r"save_pretrained .* writes tf_model\.h5"):
        find_weights(open_checkpoint(tmp_path))


def sharded(folder: Path) -> dict[str, Any]:
    save_weights({name: torch.randn(4) for name in "abc"}, folder, max_shard_size=16)
    index: dict[str, Any] = json.loads((folder / "model.safetensors.index.json").read_text())
    return index


def rewrite(folder: Path, weight_map: object) -> None:
    text = json.dumps({"metadata": {}, "weight_map": weight_map})
    (folder / "model.safetensors.index.json").write_text(text)


@pytest.mark.parametrize(
    "shard",
    ["../outside.safetensors", "/etc/passwd", "sub/x.safetensors", "..", "", 3, None, ["x"]],
)
def test_an_index_cannot_leave_the_folder(shard: object, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    sharded(folder)
    save_weights({"c": torch.zeros(4)}, tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "outside.safetensors")
    rewrite(folder, {"a": "model-00001-of-00003.safetensors", "c": shard})
    with pytest.raises(CheckpointFormatError, match=r"weight_map of .* key 'c' is refused"):
        open_weights(open_checkpoint(folder))


def test_shards_must_be_there_valid_and_of_one_save(tmp_path: Path) -> None:
    index = sharded(tmp_path)
    tensors = open_weights(open_checkpoint(tmp_path))
    assert sorted(tensors) == ["a", "b", "c"]
    assert tensors.tensor("b").shape == (4,)
    last = tmp_path / "model-00003-of-00003.safetensors"
    data = last.read_bytes()
    last.write_bytes(data[:-1])
    with pytest.raises(CheckpointFormatError, match="was cut"):
        open_weights(open_checkpoint(tmp_path))
    last.unlink()
    with pytest.raises(CheckpointNotFoundError, match="lacks 1 of 3 files"):
        open_weights(open_checkpoint(tmp_path))
    last.write_bytes(data)
    rewrite(tmp_path, {**index["weight_map"], "d": "model-00001-of-00003.safetensors"})
    with pytest.raises(CheckpointFormatError, match="'d' is in"):
        open_weights(open_checkpoint(tmp_path))
    for nothing in ({}, None, [], "x"):
        rewrite(tmp_path, nothing)
        with pytest.raises(CheckpointFormatError, match="weight_map must map"):
            open_weights(open_checkpoint(tmp_path))
    (tmp_path / "model.safetensors.index.json").write_text('{"weight_map": {"a": "x", "a": "y"}}')
    with pytest.raises(CheckpointFormatError, match="occurs twice"):
        open_weights(open_checkpoint(tmp_path))


def test_tensors_beside_the_index_are_there_too(tmp_path: Path) -> None:
    index = sharded(tmp_path)
    del index["weight_map"]["b"]
    rewrite(tmp_path, {**index["weight_map"], "a": "model-00001-of-00003.safetensors"})
    assert "a" in open_weights(open_checkpoint(tmp_path))


def test_shards_from_the_hub(hub: FakeHub, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    sharded(folder)
    commit = hub.add_folder("org/sharded", folder)
    tensors = open_weights(open_checkpoint("org/sharded"))
    assert sorted(tensors) == ["a", "b", "c"]
    assert len(hub.paths("HEAD")) == 4
    hub.forget()
    again = open_weights(open_checkpoint("org/sharded", HubOptions(revision=commit)))
    assert torch.equal(again.tensor("c"), tensors.tensor("c"))
    assert hub.requests == []
