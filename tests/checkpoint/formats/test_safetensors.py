"""Safetensors files: every dtype, and every lie that a header can tell."""

from __future__ import annotations

import io
import json
import os
import resource
import tempfile
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from hypothesis import given, settings, strategies as st

from automodel_core.checkpoint.formats.safetensors import open_safetensors
from automodel_core.checkpoint.formats.safetensors_header import DTYPES, read_header
from automodel_core.checkpoint.save import save_weights, write_safetensors
from automodel_core.errors import CheckpointFormatError

TORCH_DTYPES = [
    dtype for name, _ in DTYPES.values() if isinstance(dtype := vars(torch).get(name), torch.dtype)
]


def bits(tensor: torch.Tensor) -> list[int]:
    return tensor.contiguous().view(-1).view(torch.uint8).tolist()


def some(dtype: torch.dtype, shape: tuple[int, ...]) -> torch.Tensor:
    size = torch.Size(shape).numel() * dtype.itemsize
    data = torch.arange(size, dtype=torch.uint8) % (2 if dtype is torch.bool else 200)
    return data.view(dtype).view(shape)


@pytest.mark.parametrize("dtype", TORCH_DTYPES, ids=str)
def test_every_dtype_agrees_with_the_reference_both_ways(
    dtype: torch.dtype, tmp_path: Path
) -> None:
    tensors = {
        "a": some(dtype, (3, 4)),
        "odd": some(torch.uint8, (3,)),
        "b": some(dtype, (2, 1, 2)),
    }
    path = tmp_path / "ours.safetensors"
    with path.open("wb") as file:
        write_safetensors(tensors, file, {"format": "pt"})
    theirs = safetensors.torch.load_file(path)
    assert theirs.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert bits(theirs[name]) == bits(tensor)
        assert theirs[name].shape == tensor.shape
    safetensors.torch.save_file(tensors, tmp_path / "theirs.safetensors", {"format": "pt"})
    ours = open_safetensors(tmp_path / "theirs.safetensors")
    assert dict(ours.metadata) == {"format": "pt"}
    for name, tensor in tensors.items():
        assert ours[name].shape == tensor.shape
        assert ours.tensor(name).dtype == tensor.dtype
        assert bits(ours.tensor(name)) == bits(tensor)


def test_scalars_and_empty_tensors(tmp_path: Path) -> None:
    tensors = {"scalar": torch.tensor(3.5), "none": torch.zeros(0, 3), "one": torch.ones(1)}
    save_weights(tensors, tmp_path)
    theirs = safetensors.torch.load_file(tmp_path / "model.safetensors")
    ours = open_safetensors(tmp_path / "model.safetensors")
    for name, tensor in tensors.items():
        assert torch.equal(theirs[name], tensor)
        assert torch.equal(ours.tensor(name), tensor)
        assert torch.equal(ours.read(name, torch.float64, torch.device("cpu")), tensor.double())


def test_tensors_are_mapped_and_private(tmp_path: Path) -> None:
    save_weights({"a": torch.zeros(1000), "b": torch.ones(10)}, tmp_path)
    path = tmp_path / "model.safetensors"
    before = path.read_bytes()
    handles = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    file = open_safetensors(path)
    first, second = file.tensor("a"), file.tensor("a")
    assert first.data_ptr() == second.data_ptr()
    assert first.untyped_storage().nbytes() == 4000
    first.fill_(7)
    assert path.read_bytes() == before
    path.unlink()
    del file
    assert float(first.sum()) == 7000
    if handles:
        assert len(os.listdir("/proc/self/fd")) == handles


def test_unaligned_tensors_are_copied(tmp_path: Path) -> None:
    header = json.dumps(
        {
            "byte": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]},
            "word": {"dtype": "F32", "shape": [2], "data_offsets": [1, 9]},
        }
    ).encode()
    data = b"\x05" + bytes(torch.tensor([1.5, -2.0]).view(torch.uint8).tolist())
    path = tmp_path / "x.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + data)
    file = open_safetensors(path)
    assert file.tensor("word").tolist() == [1.5, -2.0]
    assert file.tensor("word").data_ptr() % 4 == 0


@pytest.mark.parametrize("size", [1, 1000, 300_000, 262_144])
def test_casting_reads_in_pieces(size: int, tmp_path: Path) -> None:
    tensor = torch.randn(size)
    save_weights({"a": tensor}, tmp_path)
    file = open_safetensors(tmp_path / "model.safetensors")
    cast = file.read("a", torch.bfloat16, torch.device("cpu"))
    assert torch.equal(cast, tensor.to(torch.bfloat16))


GOOD = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
LIES: dict[str, tuple[Any, int, str]] = {
    "hole": ({"a": GOOD, "b": {**GOOD, "data_offsets": [12, 20]}}, 20, "hole"),
    "hole at the start": ({"a": {**GOOD, "data_offsets": [8, 16]}}, 16, "hole"),
    "overlap": ({"a": GOOD, "b": {**GOOD, "data_offsets": [4, 12]}}, 12, "overlaps"),
    "twice the same": ({"a": GOOD, "b": GOOD}, 8, "overlaps"),
    "rest": ({"a": GOOD}, 12, "12 bytes|speaks of"),
    "cut": ({"a": GOOD}, 4, "was cut"),
    "beyond": ({"a": {**GOOD, "data_offsets": [0, 16]}}, 8, "needs 8 bytes"),
    "shape": ({"a": {**GOOD, "shape": [3]}}, 8, "needs 12 bytes"),
    "huge": ({"a": {**GOOD, "shape": [2**62, 2**62]}}, 8, "needs"),
    "huge and even": (
        {"a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}},
        8,
        "was cut",
    ),
    "negative": ({"a": {**GOOD, "shape": [-1, -2]}}, 8, "expected"),
    "backwards": ({"a": {**GOOD, "data_offsets": [8, 0]}}, 8, "span -8"),
    "dtype": ({"a": {**GOOD, "dtype": "F31"}}, 8, "unknown dtype 'F31'"),
    "dtype list": ({"a": {**GOOD, "dtype": ["F32"]}}, 8, "expected"),
    "bool shape": ({"a": {**GOOD, "shape": [True, 2]}}, 8, "expected"),
    "float shape": ({"a": {**GOOD, "shape": [2.0]}}, 8, "expected"),
    "offsets": ({"a": {**GOOD, "data_offsets": [0]}}, 8, "expected"),
    "more keys": ({"a": {**GOOD, "file": "/etc/passwd"}}, 8, "expected"),
    "no entry": ({"a": 3}, 8, "expected"),
    "metadata": ({"__metadata__": {"a": 1}, "a": GOOD}, 8, "__metadata__"),
    "half bytes": ({"a": {"dtype": "F4", "shape": [3], "data_offsets": [0, 1]}}, 1, "needs"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lying_header_is_refused(lie: str, tmp_path: Path) -> None:
    header, size, reason = LIES[lie]
    text = json.dumps(header).encode()
    path = tmp_path / "x.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + b"\0" * size)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(CheckpointFormatError, match=reason):
        open_safetensors(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is cut"),
        (b"\x05\0\0", "is cut"),
        (b"\xff" * 20, "is cut"),
        ((10**8 + 1).to_bytes(8, "little") + b"{", "is cut"),
        ((2).to_bytes(8, "little") + b"[]", "not JSON"),
        ((9).to_bytes(8, "little") + b"{" * 9, "not a valid JSON"),
        ((3).to_bytes(8, "little") + b"{\xff}", "UTF-8"),
        ((16).to_bytes(8, "little") + b'{"a":{},"a":{}} ', "occurs twice"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"PK\x03\x04" + b"\0" * 30, "not a safetensors file"),
    ],
)
def test_what_is_no_safetensors_file_is_refused(data: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(data)
    with pytest.raises(CheckpointFormatError, match=reason):
        open_safetensors(path)


def test_every_cut_is_noticed(tmp_path: Path) -> None:
    save_weights({"a": torch.randn(3), "b": torch.ones(2)}, tmp_path)
    data = (tmp_path / "model.safetensors").read_bytes()
    cut = tmp_path / "cut.safetensors"
    for length in range(len(data)):
        cut.write_bytes(data[:length])
        with pytest.raises(CheckpointFormatError):
            open_safetensors(cut)
    cut.write_bytes(data + b"\0")
    with pytest.raises(CheckpointFormatError, match="changed"):
        open_safetensors(cut)


MIXED = {"a": torch.ones(2, 3), "b": torch.tensor([True]), "c": torch.ones(1, dtype=torch.int8)}


@settings(max_examples=400, deadline=None)
@given(
    edits=st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=4)), min_size=1, max_size=4)
)
def test_any_damage_is_noticed_or_harmless(edits: list[tuple[int, bytes]]) -> None:
    buffer = io.BytesIO()
    write_safetensors(MIXED, buffer, {"format": "pt"})
    data = buffer.getvalue()
    for place, replacement in edits:
        data = data[:place] + replacement + data[place + len(replacement) :]
    with tempfile.NamedTemporaryFile(suffix=".safetensors") as file:
        file.write(data)
        file.flush()
        try:
            tensors = open_safetensors(file.name)
            read = {name: tensors.tensor(name) for name in tensors}
        except CheckpointFormatError:
            return
        size = sum(tensor.numel() * tensor.element_size() for tensor in read.values())
        assert size + 8 <= len(data)


def test_a_file_that_changes_later_is_refused(tmp_path: Path) -> None:
    save_weights({"a": torch.randn(3)}, tmp_path)
    path = tmp_path / "model.safetensors"
    file = open_safetensors(path)
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(CheckpointFormatError, match="changed while"):
        file.tensor("a")
    with pytest.raises(CheckpointFormatError, match="ended while"):
        file.read("a", torch.float16, torch.device("cpu"))


def test_a_bool_is_zero_or_one(tmp_path: Path) -> None:
    save_weights({"a": torch.tensor([True, False])}, tmp_path)
    path = tmp_path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x02")
    with pytest.raises(CheckpointFormatError, match="0 or 1"):
        open_safetensors(path).tensor("a")


def test_headers_need_no_torch_dtype(tmp_path: Path) -> None:
    header = json.dumps({"a": {"dtype": "F6_E2M3", "shape": [4], "data_offsets": [0, 3]}}).encode()
    path = tmp_path / "x.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"\0" * 3)
    assert read_header(path).tensors["a"].nbytes == 3
    with pytest.raises(CheckpointFormatError, match="no dtype float6"):
        open_safetensors(path).tensor("a")


def test_without_a_map_nobody_changes_what_was_read(tmp_path: Path) -> None:
    tensors = {"a": torch.ones(300), "b": torch.tensor([True, False]), "e": torch.ones(0, 3)}
    path = tmp_path / "model.safetensors"
    save_weights(tensors, tmp_path)
    mapped, read = (open_safetensors(path, disable_mmap=flag) for flag in (False, True))
    found = {name: read.tensor(name) for name in read}
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)
    mapped.tensor("a")
    with path.open("r+b") as file:  # in place, as no save of ours does
        file.seek(-400, os.SEEK_END)
        file.write(b"\0" * 300)
    assert torch.equal(found["a"], tensors["a"])
    mapped.confirm()
    os.truncate(path, path.stat().st_size - 100)
    with pytest.raises(CheckpointFormatError, match="changed while it was read"):
        mapped.confirm()
    with pytest.raises(CheckpointFormatError, match="the file ended while it was read"):
        read.tensor("a")
