"""Donut's encoder keeps the promises of every architecture."""

from __future__ import annotations

from automodel_core.testing import Check, architecture_checks

TINY = {
    "image_size": [16, 24],
    "patch_size": 4,
    "embed_dim": 8,
    "depths": [2, 1],
    "num_heads": [2, 4],
    "window_size": 3,
    "mlp_ratio": 2.0,
}


@architecture_checks("donut-swin", TINY)
def test_donut_swin(check: Check) -> None:
    check()


@architecture_checks("donut-swin", {**TINY, "qkv_bias": False, "window_size": 8})
def test_donut_swin_with_windows_larger_than_images(check: Check) -> None:
    check()
