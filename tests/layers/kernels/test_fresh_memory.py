"""Tensors in fresh memory have storages of their own, and go back to the system."""

from __future__ import annotations

import gc
import mmap
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from automodel_core.layers.kernels.fresh_memory import (
    contiguous_rows,
    empty,
    joined,
)

MB = 1 << 20
SIZES = (0, 1, 100, 1 << 16, 3 * MB // 4, MB, 2 * MB, 5 * MB + 12, 20 * MB)


def filled(sizes: tuple[int, ...]) -> list[torch.Tensor]:
    """Return vectors of these many bytes, each full of its number."""
    tensors = [empty((size // 4,), torch.float32) for size in sizes]
    for number, tensor in enumerate(tensors):
        tensor.fill_(number)
    return tensors


def resident() -> int:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return next(int(s.split()[1]) << 10 for s in status.splitlines() if s.startswith("VmRSS"))


def test_no_two_tensors_share_memory_or_a_storage() -> None:
    tensors = filled(SIZES * 3)
    for number, tensor in enumerate(tensors):
        assert (tensor == number).all()
        assert tensor.storage_offset() == 0
        assert tensor.untyped_storage().nbytes() == tensor.nbytes
    places = [tensor.untyped_storage().data_ptr() for tensor in tensors if tensor.numel()]
    assert len(set(places)) == len(places)
    assert all(place % 64 == 0 for place in places)


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's account of a process")
def test_memory_goes_back_with_each_tensor() -> None:
    gc.collect()
    before = resident()
    kept = [empty((MB // 2,), torch.float32).fill_(1) for _ in range(64)]
    assert 125 * MB < resident() - before < 135 * MB
    del kept[1:]
    gc.collect()
    assert resident() - before < 8 * MB
    assert (kept[0] == 1).all()


FORKED = """
import os
import subprocess
from automodel_core.layers.kernels.fresh_memory import empty
import torch
tensor = empty((1 << 20,), torch.float32).fill_(1)
if not os.fork():
    tensor.fill_(2)
    os._exit(0)
os.wait()
assert (tensor == 1).all()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="has no forks")
def test_a_fork_changes_its_own_memory() -> None:
    subprocess.run([sys.executable, "-W", "ignore", "-c", FORKED], check=True)


def no_memory(*_: object, **__: object) -> None:
    raise OSError(12, "Cannot allocate memory")


def test_a_system_that_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mmap, "mmap", no_memory)
    for number, tensor in enumerate(filled(SIZES)):
        assert (tensor == number).all()


def test_other_systems_and_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    assert empty((MB,), torch.float32, torch.device("meta")).is_meta
    monkeypatch.setattr(sys, "platform", "darwin")
    for number, tensor in enumerate(filled(SIZES)):
        assert (tensor == number).all()


def test_the_default_device_changes_nothing() -> None:
    with torch.device("meta"):
        assert not empty((MB,), torch.float32).is_meta
        assert not empty((4,), torch.float32).is_meta


def test_rows_are_made_contiguous_and_joined() -> None:
    rows = torch.randn(300, 200)
    assert contiguous_rows(rows) is rows
    turned = contiguous_rows(rows.t())
    assert turned.is_contiguous()
    assert torch.equal(turned, rows.t())
    assert torch.equal(joined([rows, rows[:7]]), torch.cat([rows, rows[:7]]))
    assert torch.equal(joined([rows.t(), rows.t()], dim=1), torch.cat([rows.t()] * 2, 1))


def test_a_saver_finds_no_shared_storage() -> None:
    safetensors = pytest.importorskip("safetensors.torch")
    first, second = filled((MB, MB))
    assert safetensors.load(safetensors.save({"a": first, "b": second}))["b"].eq(1).all()
