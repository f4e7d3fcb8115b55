"""Swin2SR keeps the promises of every architecture."""

from __future__ import annotations

from automodel_core.testing import Check, architecture_checks

TINY = {
    "image_size": 8,
    "embed_dim": 12,
    "depths": [2, 1],
    "num_heads": [2, 3],
    "window_size": 4,
}
COMPRESSED = {
    **TINY,
    "image_size": [8, 12],
    "upsampler": "pixelshuffle_aux",
    "resi_connection": "3conv",
}
CLEANER = {**TINY, "num_channels": 1, "upsampler": "", "qkv_bias": False, "img_range": 2.0}


@architecture_checks("swin2sr", TINY)
def test_swin2sr(check: Check) -> None:
    check()


@architecture_checks("swin2sr", COMPRESSED)
def test_swin2sr_for_compressed_images(check: Check) -> None:
    check()


@architecture_checks("swin2sr", CLEANER)
def test_swin2sr_without_an_upsampler(check: Check) -> None:
    check()
