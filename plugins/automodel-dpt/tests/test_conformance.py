"""DPT, its hybrid and BiT keep the promises of every architecture."""

from __future__ import annotations

from automodel_core.testing import Check, architecture_checks

TINY = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 24,
    "image_size": 16,
    "patch_size": 4,
    "backbone_out_indices": [0, 1],
    "reassemble_factors": [2, 0.5],
    "neck_hidden_sizes": [8, 12],
    "fusion_hidden_size": 20,
}
TINY_BIT = {
    "embedding_size": 8,
    "hidden_sizes": [16, 24, 32],
    "depths": [1, 2, 1],
    "num_groups": 2,
}
BOTTLENECK = {
    **TINY_BIT,
    "layer_type": "bottleneck",
    "global_padding": "SAME",
    "embedding_dynamic_padding": True,
}
HYBRID = {
    **TINY,
    "use_batch_norm_in_fusion_residual": True,
    "use_auxiliary_head": False,
    "add_projection": True,
    "image_size": [32, 64],
    "patch_size": 16,
    "is_hybrid": True,
    "backbone_config": {**BOTTLENECK, "out_features": ["stage1", "stage2", "stage3"]},
    "backbone_featmap_shape": [1, 32, 2, 2],
    "backbone_out_indices": [0, 0, 0, 1],
    "reassemble_factors": [1, 1, 1, 0.5],
    "neck_hidden_sizes": [16, 24, 8, 10],
}


@architecture_checks("dpt", TINY)
def test_dpt(check: Check) -> None:
    check()


@architecture_checks("dpt", HYBRID)
def test_dpt_hybrid(check: Check) -> None:
    check()


@architecture_checks("bit", TINY_BIT)
def test_bit(check: Check) -> None:
    check()


@architecture_checks("bit", BOTTLENECK)
def test_bit_with_bottlenecks(check: Check) -> None:
    check()
