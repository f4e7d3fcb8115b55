"""Files of TensorFlow and Flax are read as they are, and refused when they are damaged."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from automodel_core.checkpoint import LazyTensors
from automodel_core.errors import AutomodelError, CheckpointFormatError, CheckpointNotFoundError
from automodel_flax import open_msgpack
from automodel_tensorflow import open_bundle, open_h5

ROOT = Path(__file__).parents[3]
DATA = ROOT / "tests" / "foreign" / "data"
DEMOS = {"bundle": ROOT / "docs/demo/tf_bert"}
READERS: dict[str, tuple[str, Callable[..., LazyTensors]]] = {
    "keras": ("tf_model.h5", open_h5),
    "bundle": ("bert_model.ckpt.index", open_bundle),
    "slices": ("model.ckpt.index", open_bundle),
    "flax": ("flax_model.msgpack", open_msgpack),
    "chunks": ("flax_model.msgpack", open_msgpack),
}
KINDS = "float64 int32 uint8 int16 int8 int64 bool bfloat16 float16".split()


def folder_of(name: str) -> Path:
    return DEMOS.get(name, DATA / name)


def copied(name: str, target: Path) -> Path:
    return Path(shutil.copytree(folder_of(name), target / name)) / READERS[name][0]


@pytest.mark.parametrize("disable_mmap", [False, True])
def test_a_variable_in_slices_is_whole(disable_mmap: bool) -> None:
    found = open_bundle(DATA / "slices" / "model.ckpt.index", disable_mmap=disable_mmap)
    values = torch.tensor(json.loads((DATA / "slices" / "expected.json").read_text("utf-8")))
    assert torch.equal(found.tensor("embeddings"), values)
    half = found.read("embeddings", torch.float16, torch.device("cpu"))
    assert torch.equal(half, values.half())
    assert torch.equal(found.copied("embeddings", torch.float32), values)
    assert found["embeddings"].shape == (100, 3)
    assert found.tensor("scalar").item() == 2.5
    assert found.tensor("empty").shape == (0, 4)
    assert "text" not in found
    for name in KINDS:
        assert found[name].dtype == name
        assert found.tensor(name).tolist() == [[0, 1, 1]]


@pytest.mark.parametrize("disable_mmap", [False, True])
def test_an_array_in_chunks_is_whole(disable_mmap: bool) -> None:
    found = open_msgpack(DATA / "chunks" / "flax_model.msgpack", disable_mmap=disable_mmap)
    values = torch.arange(40.0).view(5, 8)
    assert torch.equal(found.tensor("params/layer/0/kernel"), values)
    assert torch.equal(found.tensor("params/layer/0/bias"), values[0])
    assert torch.equal(found.tensor("batch_stats/norm/var"), values[2])
    assert not any("opt_state" in name or "chunk" in name for name in found)
    for name in KINDS:
        assert found[f"params/{name}"].dtype == name
        assert found.tensor(f"params/{name}").tolist() == [[0, 1, 1]]


def test_tensors_that_can_be_mapped_are_views_of_the_file() -> None:
    tensors = open_h5(DATA / "keras" / "tf_model.h5")
    starts = {tensors.tensor(name).data_ptr() - tensors.span(name)[0] for name in tensors}
    assert len(starts) == 1


@pytest.mark.parametrize("name", READERS)
def test_a_file_that_is_cut_is_refused(name: str, tmp_path: Path) -> None:
    path = copied(name, tmp_path)
    data, reader = path.read_bytes(), READERS[name][1]
    for length in {0, 1, 7, len(data) // 3, len(data) // 2, len(data) - 1}:
        path.write_bytes(data[:length])
        with pytest.raises(AutomodelError, match=path.name):
            read_all(reader(path))


def read_all(tensors: LazyTensors) -> None:
    for name in tensors:
        tensors.tensor(name)


def test_a_damaged_tensor_of_a_bundle_has_another_checksum(tmp_path: Path) -> None:
    path = copied("bundle", tmp_path)
    data = next(path.parent.glob("*.data-*"))
    content = bytearray(data.read_bytes())
    content[100] ^= 1
    data.write_bytes(content)
    for dtype in (torch.float32, torch.float16):
        tensors = open_bundle(path)
        with pytest.raises(CheckpointFormatError, match="its checksum is 0x"):
            [tensors.read(name, dtype, torch.device("cpu")) for name in tensors]


def test_a_bundle_needs_its_data(tmp_path: Path) -> None:
    path = copied("bundle", tmp_path)
    data = next(path.parent.glob("*.data-*"))
    data.write_bytes(data.read_bytes()[:-4])
    with pytest.raises(CheckpointFormatError, match=r"data-00000-of-00001.*in a file of \d+"):
        open_bundle(path)
    data.unlink()
    with pytest.raises(CheckpointNotFoundError, match=r"data-00000-of-00001.*the index beside it"):
        open_bundle(path)


def test_a_damaged_index_has_another_checksum(tmp_path: Path) -> None:
    path = copied("bundle", tmp_path)
    content = bytearray(path.read_bytes())
    content[200] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointFormatError, match="block at byte 0 has another checksum"):
        open_bundle(path)


def test_copies_of_a_shared_variable_must_be_equal(tmp_path: Path) -> None:
    path = copied("keras", tmp_path)
    tensors = open_h5(path)
    (name,) = (name for name in tensors.copies if "word_embeddings" in name)
    begin, _ = tensors.copies[name][0]
    content = bytearray(path.read_bytes())
    content[begin] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointFormatError, match=r"word_embeddings.*with values that differ"):
        open_h5(path).tensor(name)


PATCHES = {
    "another superblock": (b"\x89HDF\r\n\x1a\n\0", b"\x89HDF\r\n\x1a\n\2", "version 2 of HDF5's"),
    "no tree": (b"TREE", b"FRHP", "no tree of names"),
    "no heap": (b"HEAP", b"FRHP", "no names at byte"),
    "Keras 3": (b"\0dense\0", b"\0vars\0\0", "was written by Keras 3"),
    "no leaf": (b"SNOD", b"BTHD", "no list of members"),
}


@pytest.mark.parametrize("what", PATCHES)
def test_other_layouts_are_refused_by_name(what: str, tmp_path: Path) -> None:
    old, new, message = PATCHES[what]
    path = copied("keras", tmp_path)
    path.write_bytes(path.read_bytes().replace(old, new))
    with pytest.raises(CheckpointFormatError, match=message):
        open_h5(path)


def test_what_is_no_such_file_is_refused(tmp_path: Path) -> None:
    for name, (file, reader) in READERS.items():
        path = tmp_path / name / file
        path.parent.mkdir()
        path.write_bytes(b"something else, of some length, which is none of these formats at all")
        with pytest.raises(CheckpointFormatError, match=file):
            reader(path)
        path.write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
        with pytest.raises(CheckpointFormatError, match="git-lfs pointer"):
            reader(path)
