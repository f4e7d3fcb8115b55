"""Weights that several modules share: the checkpoint decides."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from automodel_core.checkpoint.formats.choice import open_weights
from automodel_core.checkpoint.loading.load import load_weights
from automodel_core.checkpoint.loading.ties import find_slots
from automodel_core.checkpoint.names.table import WeightNames
from automodel_core.checkpoint.places.source import open_checkpoint
from automodel_core.errors import (
    ConfigurationError,
)
from support.small_model import NAMES, TIED, checkpoint, on_meta, opened


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
    values = torch.randn_like(model.head.weight, device="cpu")
    find_slots(model)["model.embed.weight"].put(values)
    assert model.model.embed.weight is model.head.weight
    assert torch.equal(model.head.weight, values)


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
