"""Nano keeps the promises of every architecture, and what it adds works for everybody."""

from __future__ import annotations

from pathlib import Path

import torch

from automodel_core import AutoModelForCausalLM, AutoModelForTextLikelihood
from automodel_core.testing import Check, architecture_checks
from automodel_nano import NanoConfig

TINY = {"vocab_size": 99, "n_positions": 32, "n_embd": 16, "n_layer": 2, "n_head": 4}


@architecture_checks("nano", TINY)
def test_nano(check: Check) -> None:
    check()


def test_the_new_task_has_an_auto_class(tmp_path: Path) -> None:
    AutoModelForCausalLM.from_config(NanoConfig(**TINY)).save_pretrained(tmp_path)
    model = AutoModelForTextLikelihood.from_pretrained(tmp_path)
    scores = model(torch.tensor([[5, 6, 7], [8, 9, 10]])).scores
    assert scores.shape == (2,)
    assert (scores < 0).all()


def test_the_kernel_is_found_by_its_name() -> None:
    tokens = torch.arange(6).view(1, 6)
    model = AutoModelForCausalLM.from_config(NanoConfig(**TINY)).eval()
    expected = model(tokens).logits
    model.set_attn_implementation("double")
    torch.testing.assert_close(model(tokens).logits, expected)
