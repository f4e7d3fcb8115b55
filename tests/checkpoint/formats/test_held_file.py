"""Files that stay the same ones, also after others took their names."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest
import torch

from automodel_core.checkpoint.formats import held_file as module
from automodel_core.checkpoint.formats.safetensors import open_safetensors
from automodel_core.checkpoint.save import save_weights
from automodel_core.errors import CheckpointFormatError, CheckpointNotFoundError

CPU = torch.device("cpu")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_a_replaced_file_is_read_on(dtype: torch.dtype, tmp_path: Path) -> None:
    save_weights({"a": torch.full((3,), 1.0)}, tmp_path)
    file = open_safetensors(tmp_path / "model.safetensors")
    save_weights({"a": torch.full((3,), 2.0)}, tmp_path)
    assert file.read("a", dtype, CPU).tolist() == [1, 1, 1]
    (tmp_path / "model.safetensors").unlink()
    assert file.read("a", dtype, CPU).tolist() == [1, 1, 1]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_a_file_that_is_not_held_is_refused_when_replaced(
    dtype: torch.dtype, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_HELD", 0)
    save_weights({"a": torch.full((3,), 1.0)}, tmp_path)
    file = open_safetensors(tmp_path / "model.safetensors")
    save_weights({"a": torch.full((3,), 2.0)}, tmp_path)
    with pytest.raises(CheckpointFormatError, match="changed while it was read"):
        file.read("a", dtype, CPU)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(CheckpointNotFoundError, match="is gone"):
        file.read("a", dtype, CPU)


def test_descriptors_are_given_back_and_bounded(tmp_path: Path) -> None:
    descriptors = Path("/proc/self/fd")
    if not descriptors.is_dir():
        pytest.skip("counts descriptors in /proc")
    save_weights({"a": torch.ones(3)}, tmp_path)
    path = tmp_path / "model.safetensors"
    gc.collect()
    before = len(os.listdir(descriptors))
    files = [open_safetensors(path) for _ in range(2 * module._MOST_HELD)]
    assert len(os.listdir(descriptors)) <= before + module._MOST_HELD + 2
    assert all(file.read("a", torch.float16, CPU).tolist() == [1, 1, 1] for file in files)
    del files
    gc.collect()
    assert len(os.listdir(descriptors)) <= before
