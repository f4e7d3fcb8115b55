"""VideoMAE keeps the promises of every architecture."""

from __future__ import annotations

from automodel_core.testing import Check, architecture_checks

TINY = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 24,
    "image_size": 8,
    "patch_size": 4,
    "num_frames": 4,
    "decoder_hidden_size": 12,
    "decoder_num_hidden_layers": 1,
    "decoder_num_attention_heads": 2,
    "decoder_intermediate_size": 16,
}
RECTANGLES = {
    **TINY,
    "image_size": [8, 12],
    "patch_size": [4, 6],
    "num_frames": 6,
    "tubelet_size": 3,
    "qkv_bias": False,
    "use_mean_pooling": False,
    "norm_pix_loss": False,
    "num_hidden_layers": 1,
}


@architecture_checks("videomae", TINY)
def test_videomae(check: Check) -> None:
    check()


@architecture_checks("videomae", RECTANGLES)
def test_videomae_of_rectangles(check: Check) -> None:
    check()
