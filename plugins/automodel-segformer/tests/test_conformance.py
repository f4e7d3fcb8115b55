"""SegFormer and GLPN keep the promises of every architecture."""

from __future__ import annotations

from automodel_core.testing import Check, architecture_checks

TINY = {
    "decoder_hidden_size": 8,
    "depths": [1, 1, 1, 1],
    "hidden_sizes": [8, 8, 12, 16],
    "num_attention_heads": [1, 2, 3, 4],
    "sr_ratios": [4, 2, 2, 1],
    "mlp_ratios": [2, 2, 2, 2],
    "drop_path_rate": 0.0,
}
SEGFORMER = {**TINY, "classifier_dropout_prob": 0.0}
IN_A_ROW = {
    **SEGFORMER,
    "image_size": [24, 40],
    "num_encoder_blocks": 2,
    "depths": [1, 2],
    "hidden_sizes": [8, 12],
    "num_attention_heads": [2, 3],
    "sr_ratios": [2, 1],
    "mlp_ratios": [2, 1],
    "patch_sizes": [5, 4],
    "strides": [3, 2],
    "reshape_last_stage": False,
}


@architecture_checks("segformer", SEGFORMER)
def test_segformer(check: Check) -> None:
    check()


@architecture_checks("segformer", IN_A_ROW)
def test_segformer_of_rectangles_and_two_stages(check: Check) -> None:
    check()


@architecture_checks("glpn", TINY)
def test_glpn(check: Check) -> None:
    check()
