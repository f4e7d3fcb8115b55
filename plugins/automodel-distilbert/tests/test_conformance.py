"""DistilBERT keeps the promises of every architecture."""

from __future__ import annotations

from automodel_core.testing import Check, architecture_checks

TINY = {
    "vocab_size": 99,
    "dim": 16,
    "hidden_dim": 24,
    "n_layers": 2,
    "n_heads": 4,
    "max_position_embeddings": 32,
}


@architecture_checks("distilbert", TINY)
def test_distilbert(check: Check) -> None:
    check()


@architecture_checks("distilbert", {**TINY, "sinusoidal_pos_embds": True, "n_heads": 1})
def test_distilbert_with_sinusoids(check: Check) -> None:
    check()
