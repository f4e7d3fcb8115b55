"""Weights into a model: every way in which names and shapes may differ."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from automodel_core.checkpoint.formats.header import TensorInfo
from automodel_core.checkpoint.loading.load import load_weights
from automodel_core.checkpoint.loading.report import LoadReport, Origin
from automodel_core.checkpoint.names.table import WeightNames
from automodel_core.errors import (
    InputError,
    MismatchedWeightsError,
)
from automodel_core.layers.kernels.linear import Linear
from support.small_model import BODY, NAMES, TIED, Body, Model, checkpoint, on_meta, opened


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


class Wide(nn.Module):
    """Layers whose weights a file may hold transposed and joined."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.out = Linear(4, 4), Linear(4, 4), Linear(4, 8)


WIDE = WeightNames({"out": "out"}, fused={"c_attn": ("q", "k")}, transposed=("c_attn", "out"))


def wide_state() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return {
        "c_attn.weight": torch.randn(4, 8),
        "c_attn.bias": torch.randn(8),
        "out.weight": torch.randn(4, 8),
        "out.bias": torch.randn(8),
    }


def test_a_linear_layer_keeps_a_transposed_view_of_the_file(tmp_path: Path) -> None:
    tensors = opened(wide_state(), tmp_path)
    model = on_meta(Wide)
    load_weights(model, tensors, WIDE)
    assert model.out.weight.data_ptr() == tensors.tensor("out.weight").data_ptr()
    assert model.out.weight.t().is_contiguous()
    assert torch.equal(model.out.weight.t(), wide_state()["out.weight"])


def test_parts_of_a_joined_tensor_have_storage_of_their_own(tmp_path: Path) -> None:
    model = on_meta(Wide)
    load_weights(model, opened(wide_state(), tmp_path), WIDE)
    storages = {p.untyped_storage().data_ptr() for p in model.parameters()}
    assert len(storages) == 6
    assert all(p.untyped_storage().nbytes() == p.nbytes for p in model.parameters())
    assert torch.equal(model.k.weight, wide_state()["c_attn.weight"][:, 4:].t())
    torch.testing.assert_close(model.k.bias, wide_state()["c_attn.bias"][4:])


def test_a_transposed_view_is_cast_in_the_order_of_the_file(tmp_path: Path) -> None:
    model = on_meta(Wide)
    load_weights(model, opened(wide_state(), tmp_path), WIDE, dtype=torch.bfloat16)
    assert model.out.weight.t().is_contiguous()
    assert torch.equal(model.out.weight, wide_state()["out.weight"].t().bfloat16())


def test_in_a_process_group_rows_are_contiguous(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    model = on_meta(Wide)
    load_weights(model, opened(wide_state(), tmp_path), WIDE)
    assert all(parameter.is_contiguous() for parameter in model.parameters())


def test_layers_of_other_kinds_get_contiguous_rows(tmp_path: Path) -> None:
    class Own(nn.Linear):
        pass

    model = on_meta(Wide)
    model.out.__class__ = Own
    load_weights(model, opened(wide_state(), tmp_path), WIDE)
    assert model.out.weight.is_contiguous()


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
    drawn = Origin("", TensorInfo((2,), "", 0, ""), "float32")
    assert LoadReport().with_initialised({"a": drawn}).to_dict()["initialised"] == ["a"]
    waiting = [name for name, parameter in model.named_parameters() if parameter.is_meta]
    assert waiting == ["model.norm.bias", "head.weight"]


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
