"""ViT and DeiT keep the promises of every architecture."""

from __future__ import annotations

from automodel_core.testing import Check, architecture_checks

TINY = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 24,
    "image_size": 12,
    "patch_size": 4,
    "encoder_stride": 4,
}
RECTANGLES = {**TINY, "image_size": [8, 12], "qkv_bias": False, "num_hidden_layers": 1}


@architecture_checks("vit", TINY)
def test_vit(check: Check) -> None:
    check()


@architecture_checks("vit", RECTANGLES)
def test_vit_of_rectangles(check: Check) -> None:
    check()


@architecture_checks("deit", TINY)
def test_deit(check: Check) -> None:
    check()
