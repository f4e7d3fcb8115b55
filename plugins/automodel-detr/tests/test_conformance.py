"""DETR and Table Transformer keep the promises of every architecture."""

from __future__ import annotations

from typing import Any

from automodel_core.testing import Check, architecture_checks

BACKBONE: dict[str, Any] = {
    "model_type": "resnet", "embedding_size": 8, "hidden_sizes": [8, 8, 16, 16],
    "depths": [1, 1, 1, 1], "out_indices": [1, 2, 3, 4],
}  # fmt: skip
TINY = {
    "backbone_config": BACKBONE, "num_queries": 5, "encoder_layers": 2, "encoder_ffn_dim": 24,
    "encoder_attention_heads": 8, "decoder_layers": 2, "decoder_ffn_dim": 20,
    "decoder_attention_heads": 4, "d_model": 64,
}  # fmt: skip
LEARNED = {
    **TINY,
    "position_embedding_type": "learned",
    "auxiliary_loss": True,
    "encoder_layers": 1,
}


OF_POSITIONS = {
    f"first_values_are_as_configured-{task}": "positions are drawn from 0 to 1"
    for task in ("base", "object-detection")
}


@architecture_checks("detr", TINY)
def test_detr(check: Check) -> None:
    check()


@architecture_checks("detr", LEARNED, expected_failures=OF_POSITIONS)
def test_detr_with_learned_positions(check: Check) -> None:
    check()


@architecture_checks("table-transformer", TINY)
def test_table_transformer(check: Check) -> None:
    check()
