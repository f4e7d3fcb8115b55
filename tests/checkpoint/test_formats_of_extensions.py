"""Weights are written in the format of an extension, and read again."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from automodel_core.checkpoint import save_weights
from automodel_core.errors import InputError
from automodel_core.registry import CheckpointFormat
from support.marked import model_of, number_in
from support.tiny_plugin import Site


@pytest.fixture(autouse=True)
def extras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(tmp_path / "site")
    site.folder.mkdir()
    site.metadata("automodel-extras", "automodel.extensions", {"x": "automodel_extras.extensions"})
    site.use(monkeypatch)


def test_a_model_is_saved_in_a_format_by_name_and_loads_again(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    model = model_of(0.25)
    model.save_pretrained(folder)
    model.save_pretrained(folder, format="npz")
    names = {path.name for path in folder.iterdir()}
    assert "model.npz" in names
    assert "model.safetensors" not in names  # which would be read in its place
    assert number_in(folder) == 0.25


def test_a_format_that_cannot_be_split_is_one_file(tmp_path: Path) -> None:
    state = {name: torch.ones(9) for name in "ab"}
    paths = save_weights(state, tmp_path, format="npz", max_shard_size=20)
    assert [path.name for path in paths] == ["model.npz"]


def test_a_format_must_be_installed_and_have_a_writer(tmp_path: Path) -> None:
    model = model_of(0.25)
    with pytest.raises(InputError, match=r"'gguf' is not installed; installed are npz"):
        model.save_pretrained(tmp_path, format="gguf")
    read_only = CheckpointFormat(name="old", reader="a:b", weight_file="old.bin", safe=True)
    with pytest.raises(InputError, match="'old' can be read and not written"):
        model.save_pretrained(tmp_path, format=read_only)
