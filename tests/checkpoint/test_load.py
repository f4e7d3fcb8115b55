"""Weights into a model: every way in which a checkpoint and a model may differ."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
from torch import nn

from automodel_core.checkpoint.collection import paused_collection
from automodel_core.checkpoint.formats import open_weights
from automodel_core.checkpoint.lazy import LazyTensors
from automodel_core.checkpoint.load import allocate_missing, checkpoint_dtype, load_weights
from automodel_core.checkpoint.names import WeightNames
from automodel_core.checkpoint.report import LoadReport
from automodel_core.checkpoint.save import save_weights
from automodel_core.checkpoint.source import open_checkpoint
from automodel_core.errors import (
    CheckpointFormatError,
    ConfigurationError,
    InputError,
    MismatchedWeightsError,
)

BODY = WeightNames(
    {"wte": "embed", "ln": "norm"},
    fused={"h.*.c_attn": ("layers.*.q", "layers.*.k", "layers.*.v")},
    transposed=("h.*.c_attn",),
    segment_aliases={"gamma": "weight", "beta": "bias"},
    aliases={"old": "wte"},
    ignored=("h.*.mask",),
)
NAMES = BODY.nested("transformer", "model") | WeightNames({"lm_head": "head"})
TIED = {"head.weight": "model.embed.weight"}


class Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4)


class Body(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(6, 4)
        self.layers = nn.ModuleList([Layer(), Layer()])
        self.norm = nn.LayerNorm(4)
        self.register_buffer("scale", torch.ones(2))
        self.register_buffer("cache", torch.ones(2), persistent=False)


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.model = Body()
        self.head = nn.Linear(4, 6, bias=False)


def on_meta(kind: type[nn.Module] = Model) -> nn.Module:
    with torch.device("meta"):
        return kind()


def checkpoint(**changes: torch.Tensor | None) -> dict[str, torch.Tensor]:
    """Return a whole checkpoint with hub names, dots written as double underscores in changes."""
    torch.manual_seed(0)
    model = Model()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_()
    state = NAMES.hub_state_dict(model.state_dict())
    for key, value in changes.items():
        name = key.replace("__", ".")
        state.pop(name, None)
        if value is not None:
            state[name] = value
    return state


def opened(state: dict[str, torch.Tensor], folder: Path, **options: object) -> LazyTensors:
    save_weights(state, folder, **options)  # type: ignore[arg-type]
    return open_weights(open_checkpoint(folder))


@pytest.mark.parametrize("safe", [True, False])
@pytest.mark.parametrize("shard", ["5GB", 100])
def test_what_is_saved_is_loaded(safe: bool, shard: int | str, tmp_path: Path) -> None:
    state = checkpoint()
    tensors = opened(state, tmp_path, max_shard_size=shard, safe_serialization=safe)
    model = on_meta()
    report = load_weights(model, tensors, NAMES, base_prefix="transformer")
    assert set(report.loaded) == set(state)
    assert report.complete
    assert not report.unexpected
    assert not report.converted
    back = NAMES.hub_state_dict(model.state_dict())
    assert all(torch.equal(back[name], state[name]) for name in state)
    assert model.model.cache.is_meta
    x = torch.randn(3, 4)
    expected = x @ state["transformer.h.1.c_attn.weight"][:, :4]
    expected = expected + state["transformer.h.1.c_attn.bias"][:4]
    torch.testing.assert_close(model.model.layers[1].q(x), expected)


def test_parameters_are_the_mapped_file(tmp_path: Path) -> None:
    tensors = opened(checkpoint(), tmp_path)
    model = on_meta()
    load_weights(model, tensors, NAMES)
    pointer = tensors.tensor("transformer.wte.weight").data_ptr()
    assert model.model.embed.weight.data_ptr() == pointer
    assert isinstance(model.model.embed.weight, nn.Parameter)
    assert model.model.embed.weight.requires_grad
    assert model.model.embed.weight.is_leaf
    model.head(model.model.norm(model.model.embed(torch.tensor([1])))).sum().backward()
    assert model.model.embed.weight.grad is not None


def test_a_state_dict_is_copied() -> None:
    state = checkpoint()
    model = on_meta()
    load_weights(model, state, NAMES)
    model.model.embed.weight.data.fill_(0)
    assert float(state["transformer.wte.weight"].abs().sum()) > 0


def test_a_model_with_memory_is_written_to_in_place() -> None:
    model = Model().double()
    before = dict(model.named_parameters())
    state = checkpoint()
    report = load_weights(model, state, NAMES)
    assert all(before[name] is p for name, p in model.named_parameters())
    assert torch.equal(model.head.weight, state["lm_head.weight"].double())
    assert "lm_head.weight" in report.converted


def test_base_and_head_checkpoints(tmp_path: Path) -> None:
    state = checkpoint()
    base = {
        name.removeprefix("transformer."): t for name, t in state.items() if "lm_head" not in name
    }
    model = on_meta()
    report = load_weights(model, base, NAMES, base_prefix="transformer", tied=TIED)
    assert report.tied == ("lm_head.weight",)
    assert report.complete
    assert model.head.weight is model.model.embed.weight
    body = on_meta(Body)
    report = load_weights(body, state, BODY, base_prefix="transformer")
    assert report.complete
    assert report.unexpected == ("lm_head.weight",)
    assert torch.equal(body.embed.weight, state["transformer.wte.weight"])


def test_missing_unexpected_and_ignored() -> None:
    state = checkpoint(transformer__ln__bias=None, lm_head__weight=None)
    state |= {"extra.weight": torch.ones(1), "transformer.h.0.mask": torch.ones(1)}
    state["h.1.mask"] = torch.ones(1)
    model = on_meta()
    report = load_weights(model, state, NAMES, base_prefix="transformer")
    assert report.missing == ("transformer.ln.bias", "lm_head.weight")
    assert report.unexpected == ("extra.weight",)
    assert model.model.norm.bias.is_meta
    info = report.loading_info()
    assert info["missing_keys"] == ["transformer.ln.bias", "lm_head.weight"]
    assert info["error_msgs"] == []
    text = str(report)
    assert "missing (2)" in text
    assert "extra.weight" in text
    assert LoadReport().with_initialised(["a"]).to_dict()["initialised"] == ["a"]
    assert allocate_missing(model, NAMES, dtype=torch.float16) == (
        "model.norm.bias",
        "head.weight",
    )
    assert model.head.weight.dtype is torch.float16
    assert not any(p.is_meta for p in model.parameters())


def test_older_spellings() -> None:
    table = WeightNames(segment_aliases={"gamma": "weight", "beta": "bias"}, aliases={"old": "new"})

    class Old(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.LayerNorm = nn.LayerNorm(2)
            self.new = nn.Linear(2, 2)

    state = {
        "LayerNorm.gamma": torch.full((2,), 3.0),
        "bert.LayerNorm.beta": torch.full((2,), 4.0),
        "old.weight": torch.ones(2, 2),
        "new.bias": torch.ones(2),
        "old.bias": torch.ones(2),
    }
    model = on_meta(Old)
    report = load_weights(model, state, table, base_prefix="bert")
    assert report.complete
    assert not report.unexpected
    assert model.LayerNorm.weight.tolist() == [3, 3]
    state["old.bias"] = torch.zeros(2)
    report = load_weights(on_meta(Old), state, table, base_prefix="bert")
    assert report.unexpected == ("old.bias",)


def test_other_shapes() -> None:
    state = checkpoint(
        lm_head__weight=torch.zeros(7, 4), transformer__h__0__c_attn__bias=torch.ones(9)
    )
    model = on_meta()
    with pytest.raises(MismatchedWeightsError, match=r"2 weights.*size mismatch") as raised:
        load_weights(model, state, NAMES)
    assert "'lm_head.weight': [7, 4] in the checkpoint, [6, 4] in the model" in str(raised.value)
    assert all(parameter.is_meta for parameter in model.parameters())
    report = load_weights(model, state, NAMES, ignore_mismatched_sizes=True)
    assert report.mismatched == (
        ("transformer.h.0.c_attn.bias", (9,), (12,)),
        ("lm_head.weight", (7, 4), (6, 4)),
    ) or set(report.mismatched) == {
        ("transformer.h.0.c_attn.bias", (9,), (12,)),
        ("lm_head.weight", (7, 4), (6, 4)),
    }
    assert report.missing == ()
    assert not report.complete
    assert model.head.weight.is_meta


def test_key_mapping_renames_and_the_first_match_wins() -> None:
    state = {name.replace("transformer", "old"): t for name, t in checkpoint().items()}
    report = load_weights(
        on_meta(), state, NAMES, key_mapping={r"^old\.": "transformer.", r"^o": "x"}
    )
    assert report.complete
    assert not report.unexpected
    with pytest.raises(InputError, match="not a regular expression"):
        load_weights(on_meta(), state, NAMES, key_mapping={"(": "x"})
    with pytest.raises(InputError, match="no replacement"):
        load_weights(on_meta(), state, NAMES, key_mapping={"o": "\\9"})


# ---- ties ----


@pytest.mark.parametrize("memory", [False, True])
def test_equal_sides_are_tied(memory: bool, tmp_path: Path) -> None:
    state = checkpoint()
    state["lm_head.weight"] = state["transformer.wte.weight"].clone()
    model = on_meta()
    source = state if memory else opened(state, tmp_path)
    report = load_weights(model, source, NAMES, tied=TIED)
    assert model.head.weight is model.model.embed.weight
    assert report.tied == ("lm_head.weight",)


def test_different_sides_are_kept_apart_and_reported(tmp_path: Path) -> None:
    state = checkpoint()
    model = on_meta()
    report = load_weights(model, opened(state, tmp_path), NAMES, tied=TIED)
    assert report.untied == ("lm_head.weight",)
    assert report.tied == ()
    assert torch.equal(model.head.weight, state["lm_head.weight"])
    assert torch.equal(model.model.embed.weight, state["transformer.wte.weight"])
    assert "kept apart" in str(report)


def test_the_side_that_is_there_counts() -> None:
    state = checkpoint(transformer__wte__weight=None)
    model = on_meta()
    report = load_weights(model, state, NAMES, tied=TIED)
    assert model.model.embed.weight is model.head.weight
    assert torch.equal(model.model.embed.weight, state["lm_head.weight"])
    assert report.tied == ("transformer.wte.weight",)
    assert report.complete


def test_both_sides_absent_stay_one_weight() -> None:
    state = checkpoint(transformer__wte__weight=None, lm_head__weight=None)
    model = on_meta()
    report = load_weights(model, state, NAMES, tied=TIED)
    assert set(report.missing) == {"transformer.wte.weight", "lm_head.weight"}
    assert model.model.embed.weight is model.head.weight
    assert allocate_missing(model, NAMES) == ("model.embed.weight",)
    assert model.model.embed.weight is model.head.weight


class Three(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.shared, self.a, self.b = nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 2)


@pytest.mark.parametrize("present", ["shared", "a", "b"])
def test_three_weights_share_the_one_that_is_there(present: str) -> None:
    state = {f"{present}.weight": torch.randn(2, 2)}
    state |= {f"{name}.bias": torch.zeros(2) for name in ("shared", "a", "b")}
    model = on_meta(Three)
    tied = {"a.weight": "shared.weight", "b.weight": "shared.weight"}
    report = load_weights(model, state, WeightNames(), tied=tied)
    assert report.complete
    assert model.a.weight is model.b.weight is model.shared.weight
    assert len(report.tied) == 2
    with pytest.raises(ConfigurationError, match=r"'c\.weight' is not in the model"):
        load_weights(on_meta(Three), state, WeightNames(), tied={"c.weight": "a.weight"})


def test_modules_that_are_one_have_several_names() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.shared = nn.Embedding(2, 2)
            self.again = self.shared

    for name in ("shared.weight", "again.weight"):
        model = on_meta(Twice)
        report = load_weights(model, {name: torch.ones(2, 2)}, WeightNames())
        assert report.complete
        assert model.shared.weight is model.again.weight
    both = {"shared.weight": torch.ones(2, 2), "again.weight": torch.zeros(2, 2)}
    report = load_weights(on_meta(Twice), both, WeightNames())
    assert report.unexpected == ("again.weight",)


def test_a_file_that_stores_two_weights_as_one_does_not_tie_them(tmp_path: Path) -> None:
    weight = torch.randn(2, 2)
    state = {f"{name}.weight": weight for name in ("shared", "a", "b")}
    state |= {f"{name}.bias": torch.zeros(2) for name in ("shared", "a", "b")}
    torch.save(state, tmp_path / "pytorch_model.bin")
    model = on_meta(Three)
    load_weights(model, open_weights(open_checkpoint(tmp_path)), WeightNames())
    with torch.no_grad():
        model.a.weight.fill_(5)
    assert torch.equal(model.b.weight, weight)


# ---- dtype and device ----


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
    for wrong in ("meta", "balanced", "disk", True, 1.5, {"": "disk"}):
        with pytest.raises(InputError, match="device_map"):
            load_weights(on_meta(), checkpoint(), NAMES, device_map=wrong)  # type: ignore[arg-type]


def test_meta_tensors_are_no_checkpoint() -> None:
    with pytest.raises(InputError, match="meta device"):
        load_weights(on_meta(), {"a": torch.zeros(1, device="meta")}, NAMES)
    with pytest.raises(InputError, match="must be a tensor"):
        load_weights(on_meta(), {"a": 3}, NAMES)  # type: ignore[dict-item]


# ---- global state ----


def test_the_garbage_collector_is_restored_by_the_last_of_many_threads() -> None:
    barrier = threading.Barrier(4)
    seen: list[bool] = []

    def work() -> None:
        with paused_collection():
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
        with paused_collection():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
    with pytest.raises(ZeroDivisionError), paused_collection():
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
@pytest.mark.parametrize(("dtype", "share"), [("float32", 1.0), ("bfloat16", 0.5)])
def test_peak_memory_is_the_size_of_the_model(dtype: str, share: float, tmp_path: Path) -> None:
    """A model of 128 MB may take at most 10 % more than its weights, cast or not."""
    state = {f"{i}.weight": torch.zeros(1024, 1024) for i in range(32)}
    save_weights(state, tmp_path)
    code = f"""
import resource, torch
from torch import nn
from automodel_core.checkpoint.formats import open_weights
from automodel_core.checkpoint.load import load_weights
from automodel_core.checkpoint.names import WeightNames
from automodel_core.checkpoint.source import open_checkpoint
def peak():
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
with torch.device("meta"):
    model = nn.Sequential(*[nn.Linear(1024, 1024, bias=False) for _ in range(32)])
torch.ones(3).bfloat16().sum().item()
before = peak()
load_weights(model, open_weights(open_checkpoint({str(tmp_path)!r})), WeightNames(),
             dtype=torch.{dtype})
with torch.no_grad():
    for parameter in model.parameters():
        parameter.view(-1)[::512].sum().item()
print((peak() - before) / (32 * 1024 * 1024 * 4))
"""
    result = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert float(result.stdout) < share * 1.1
