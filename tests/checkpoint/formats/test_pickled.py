"""``pytorch_model.bin``: what torch wrote is read, and no code is ever run."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch

from automodel_core.checkpoint.formats.choice import open_weights
from automodel_core.checkpoint.formats.pickled import open_pickled
from automodel_core.checkpoint.places.source import open_checkpoint
from automodel_core.errors import CheckpointFormatError, InputError


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch /tmp/never",)


def test_pickles_agree_with_torch(tmp_path: Path) -> None:
    tensors = OrderedDict(
        a=torch.randn(3, 4), b=torch.arange(5), c=torch.ones(2, dtype=torch.bfloat16)
    )
    torch.save(tensors, tmp_path / "new.bin")
    torch.save(tensors, tmp_path / "old.bin", _use_new_zipfile_serialization=False)
    for name in ("new.bin", "old.bin"):
        file = open_pickled(tmp_path / name)
        assert list(file) == ["a", "b", "c"]
        assert file["c"].dtype == "bfloat16"
        assert all(torch.equal(file.tensor(key), tensors[key]) for key in tensors)


@pytest.mark.parametrize("old", [False, True])
def test_pickled_code_is_never_run(old: bool, tmp_path: Path) -> None:
    path = tmp_path / "pytorch_model.bin"
    torch.save({"a": Evil()}, path, _use_new_zipfile_serialization=not old)
    with pytest.raises(CheckpointFormatError, match="needs code to be run, which is refused"):
        open_weights(open_checkpoint(tmp_path))
    with pytest.raises(InputError, match="weights_only=False"):
        open_weights(open_checkpoint(tmp_path), weights_only=False)
    path.write_bytes(pickle.dumps({"a": Evil()}))
    with pytest.raises(CheckpointFormatError, match=r"not written by torch\.save"):
        open_pickled(path)
    assert not os.path.exists("/tmp/never")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ([torch.zeros(1)], "holds list"),
        ({1: torch.zeros(1)}, "names to tensors"),
        ({"state_dict": {"a": torch.zeros(1)}}, "training checkpoint"),
        ({"step": 3}, "training checkpoint"),
        ({"a": torch.zeros(1).expand(10**12)}, "larger than"),
        ({"a": torch.zeros(2, 2).to_sparse()}, "dense CPU tensor"),
        ({"a": torch.zeros(2, device="meta")}, "dense CPU tensor|cannot be read"),
    ],
)
def test_what_is_not_a_flat_dictionary_of_tensors_is_refused(
    content: object, reason: str, tmp_path: Path
) -> None:
    torch.save(content, tmp_path / "x.bin")
    with pytest.raises(CheckpointFormatError, match=reason):
        open_pickled(tmp_path / "x.bin")


def test_damaged_archives_are_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    torch.save({"a": torch.randn(100)}, buffer)
    data = buffer.getvalue()
    path = tmp_path / "x.bin"
    for cut in (*range(0, len(data), 97), len(data) - 1):
        path.write_bytes(data[:cut])
        with pytest.raises(CheckpointFormatError):
            open_pickled(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data.pkl", b"0" * 1000)
    with pytest.raises(CheckpointFormatError, match="compressed"):
        open_pickled(path)
    path.write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(CheckpointFormatError, match="git lfs pull"):
        open_pickled(path)
