"""YOLOS keeps the promises of every architecture."""

from __future__ import annotations

from automodel_core.testing import Check, architecture_checks

TINY = {
    "hidden_size": 24, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 32,
    "image_size": [16, 24], "patch_size": 8, "num_detection_tokens": 5,
}  # fmt: skip
OTHER = {
    **TINY,
    "use_mid_position_embeddings": False,
    "auxiliary_loss": True,
    "qkv_bias": False,
    "patch_size": [8, 4],
    "image_size": 16,
}


@architecture_checks("yolos", TINY)
def test_yolos(check: Check) -> None:
    check()


@architecture_checks("yolos", OTHER)
def test_yolos_without_positions_between_layers(check: Check) -> None:
    check()
