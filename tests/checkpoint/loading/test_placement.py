"""Dtypes, devices, memory and threads: what a load costs and leaves behind."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
from torch import nn

from automodel_core.checkpoint.loading.gc_pause import gc_paused
from automodel_core.checkpoint.loading.load import checkpoint_dtype, load_weights
from automodel_core.checkpoint.loading.stored import StoredWeights
from automodel_core.checkpoint.names.table import WeightNames
from automodel_core.checkpoint.save import save_weights
from automodel_core.errors import (
    CheckpointFormatError,
    InputError,
)
from support.small_model import NAMES, checkpoint, on_meta, opened


def test_dtypes(tmp_path: Path) -> None:
    tensors = opened(checkpoint(), tmp_path)
    assert checkpoint_dtype(tensors) is torch.float32
    assert checkpoint_dtype({"a": torch.ones(1, dtype=torch.int64)}) is None
    model = on_meta()
    report = load_weights(model, tensors, NAMES, dtype=torch.bfloat16)
    assert set(report.converted) == set(report.loaded)
    assert {p.dtype for p in model.parameters()} == {torch.bfloat16}
    assert torch.equal(
        model.model.layers[0].k.bias, tensors.tensor("transformer.h.0.c_attn.bias")[4:8].bfloat16()
    )
    kept = on_meta()
    load_weights(kept, tensors, NAMES, dtype=torch.float16, keep_in_fp32=("norm",))
    assert kept.model.norm.weight.dtype is torch.float32
    assert kept.head.weight.dtype is torch.float16
    strict = on_meta()
    load_weights(strict, tensors, NAMES, dtype=torch.bfloat16, keep_in_fp32=("norm",))
    assert strict.model.norm.weight.dtype is torch.bfloat16
    half = {name: tensor.half() for name, tensor in checkpoint().items()}
    as_stored = on_meta()
    report = load_weights(as_stored, half, NAMES)
    assert as_stored.head.weight.dtype is torch.float16
    assert not report.converted
    with pytest.raises(InputError, match="dtype"):
        load_weights(on_meta(), half, NAMES, dtype=torch.int8)
    quantised = checkpoint(lm_head__weight=torch.ones(6, 4, dtype=torch.int8))
    with pytest.raises(CheckpointFormatError, match="quantised"):
        load_weights(on_meta(), quantised, NAMES)


def test_integer_buffers_keep_the_dtype_of_the_model() -> None:
    class Positions(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("ids", torch.arange(3))

    model = on_meta(Positions)
    state = {"ids": torch.arange(3, dtype=torch.int32)}
    load_weights(model, state, WeightNames(), dtype=torch.float16)
    assert model.ids.dtype is torch.int64
    assert model.ids.tolist() == [0, 1, 2]


def test_devices() -> None:
    for one in (None, "cpu", torch.device("cpu"), {"": "cpu"}, {"model": "cpu", "lm_head": "cpu"}):
        model = on_meta()
        assert load_weights(model, checkpoint(), NAMES, device_map=one).complete
    with pytest.raises(
        InputError, match=r"no entry for 'head\.weight' \(on the hub 'lm_head\.weight'\)"
    ):
        load_weights(on_meta(), checkpoint(), NAMES, device_map={"model": "cpu"})
    for wrong in ("balanced", "cuda:99", True, 1.5, {"": "nowhere"}):
        with pytest.raises(InputError, match="device_map"):
            load_weights(on_meta(), checkpoint(), NAMES, device_map=wrong)  # type: ignore[arg-type]


def test_weights_on_disk_are_read_when_they_are_asked_for(tmp_path: Path) -> None:
    tensors = opened(checkpoint(), tmp_path)
    whole, model, stored = on_meta(), on_meta(), StoredWeights()
    load_weights(whole, tensors, NAMES, dtype=torch.bfloat16)
    places = {"model": "disk", "lm_head": "cpu"}
    report = load_weights(
        model, tensors, NAMES, device_map=places, dtype=torch.bfloat16, stored=stored
    )
    assert report.complete
    expected = dict(whole.named_parameters())
    held = dict(model.named_parameters())
    assert stored.keys() == {name for name, parameter in held.items() if parameter.is_meta}
    assert not held["head.weight"].is_meta
    assert all(torch.equal(stored[name], expected[name]) for name in stored)
    assert {parameter.dtype for parameter in held.values()} == {torch.bfloat16}


@pytest.mark.parametrize("places", [{"a": "disk", "b": "cpu"}, {"a": "cpu", "b": "disk"}, "disk"])
@pytest.mark.parametrize("equal", [True, False])
def test_ties_of_weights_on_disk(places: dict[str, str] | str, equal: bool) -> None:
    with torch.device("meta"):
        model = nn.ModuleDict({name: nn.Linear(2, 3, bias=False) for name in "ab"})
    state = {"a.weight": torch.ones(3, 2), "b.weight": torch.full((3, 2), 1.0 if equal else 2.0)}
    stored = StoredWeights()
    tied = {"b.weight": "a.weight"}
    report = load_weights(model, state, WeightNames(), tied=tied, device_map=places, stored=stored)
    assert len(report.tied) == equal
    assert (model["a"].weight is model["b"].weight) is equal
    assert report.untied == (() if equal else ("b.weight",))
    for name, parameter in model.named_parameters(remove_duplicate=False):
        found = stored[name] if parameter.is_meta else parameter
        assert torch.equal(found, state[name])
    # What is in memory serves both.
    on_disk = 2 if places == "disk" else 0 if equal else 1
    assert len(stored) == on_disk


def test_without_values() -> None:
    model = on_meta()
    report = load_weights(model, checkpoint(), NAMES, device_map="meta", dtype=torch.bfloat16)
    assert report.complete
    assert all(p.is_meta and p.dtype == torch.bfloat16 for p in model.parameters())


def test_meta_tensors_are_no_checkpoint() -> None:
    with pytest.raises(InputError, match="meta device"):
        load_weights(on_meta(), {"a": torch.zeros(1, device="meta")}, NAMES)
    with pytest.raises(InputError, match="must be a tensor"):
        load_weights(on_meta(), {"a": 3}, NAMES)  # type: ignore[dict-item]


def test_the_garbage_collector_is_restored_by_the_last_of_many_threads() -> None:
    barrier = threading.Barrier(4)
    seen: list[bool] = []

    def work() -> None:
        with gc_paused():
            barrier.wait()
            seen.append(gc.isenabled())
            barrier.wait()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [False] * 4
    assert gc.isenabled()
    gc.disable()
    try:
        with gc_paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
    with pytest.raises(ZeroDivisionError), gc_paused():
        1 / 0  # noqa: B018
    assert gc.isenabled()


def test_loading_in_threads(tmp_path: Path) -> None:
    state = checkpoint()
    tensors = opened(state, tmp_path)
    models = [on_meta() for _ in range(8)]
    threads = [
        threading.Thread(target=load_weights, args=(model, tensors, NAMES)) for model in models
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for model in models:
        back = NAMES.hub_state_dict(model.state_dict())
        assert all(torch.equal(back[name], state[name]) for name in state)


def test_a_default_device_changes_nothing(tmp_path: Path) -> None:
    tensors = opened(checkpoint(), tmp_path)
    model = on_meta()
    with torch.device("meta"):
        load_weights(model, tensors, NAMES)
        cast = on_meta()
        load_weights(cast, tensors, NAMES, dtype=torch.bfloat16)
    assert model.head.weight.device.type == cast.head.weight.device.type == "cpu"


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc")
@pytest.mark.parametrize(
    ("dtype", "place", "share"),
    [("float32", "cpu", 1.0), ("bfloat16", "cpu", 0.5), ("bfloat16", "disk", 0.05)],
)
def test_peak_memory_is_the_size_of_the_model(
    dtype: str, place: str, share: float, tmp_path: Path
) -> None:
    """A model of 128 MB may take at most 10 % more than its weights, cast or not.

    Of one on disk, one weight at a time is in memory.
    """
    state = {f"{i}.weight": torch.zeros(1024, 1024) for i in range(32)}
    save_weights(state, tmp_path)
    code = f"""
import resource, torch
from torch import nn
from automodel_core.checkpoint.formats.choice import open_weights
from automodel_core.checkpoint.loading.stored import StoredWeights
from automodel_core.checkpoint.loading.load import load_weights
from automodel_core.checkpoint.loading.stored import StoredWeights
from automodel_core.checkpoint.names.table import WeightNames
from automodel_core.checkpoint.places.source import open_checkpoint
def peak():
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
with torch.device("meta"):
    model = nn.Sequential(*[nn.Linear(1024, 1024, bias=False) for _ in range(32)])
torch.ones(3).bfloat16().sum().item()
before = peak()
stored = StoredWeights()
load_weights(model, open_weights(open_checkpoint({str(tmp_path)!r})), WeightNames(),
             dtype=torch.{dtype}, device_map={place!r}, stored=stored)
with torch.no_grad():
    for name, parameter in model.named_parameters():
        parameter = stored[name] if parameter.is_meta else parameter
        parameter.view(-1)[::512].sum().item()
print((peak() - before) / (32 * 1024 * 1024 * 4))
"""
    result = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert float(result.stdout) < share * 1.1
