"""Mamba keeps the promises that every architecture makes."""

from __future__ import annotations

from automodel_core.testing import Check, architecture_checks

TINY = {
    "vocab_size": 99,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "state_size": 4,
}


@architecture_checks("mamba", TINY)
def test_mamba(check: Check) -> None:
    check()
