"""Swin and Swin V2 keep the promises of every architecture."""

from __future__ import annotations

from automodel_core.testing import Check, architecture_checks

TINY = {
    "image_size": 16,
    "patch_size": 2,
    "embed_dim": 16,
    "depths": [2, 1],
    "num_heads": [2, 4],
    "window_size": 3,
    "mlp_ratio": 2.0,
    "encoder_stride": 4,
}
RECTANGLES = {
    **TINY,
    "image_size": [8, 12],
    "window_size": 8,
    "qkv_bias": False,
    "use_absolute_embeddings": True,
    "out_features": ["stem", "stage2"],
}


@architecture_checks("swin", TINY)
def test_swin(check: Check) -> None:
    check()


@architecture_checks("swin", RECTANGLES)
def test_swin_with_positions_and_windows_larger_than_images(check: Check) -> None:
    check()


@architecture_checks("swinv2", TINY)
def test_swinv2(check: Check) -> None:
    check()


@architecture_checks("swinv2", {**RECTANGLES, "pretrained_window_sizes": [3, 2]})
def test_swinv2_trained_with_smaller_windows(check: Check) -> None:
    check()
