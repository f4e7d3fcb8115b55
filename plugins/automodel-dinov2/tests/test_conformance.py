"""DINOv2 and Depth Anything keep the promises of every architecture."""

from __future__ import annotations

from automodel_core.testing import Check, architecture_checks

TINY = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "mlp_ratio": 2,
    "image_size": 12,
    "patch_size": 4,
    "use_mask_token": False,
}
GATED = {
    **TINY,
    "image_size": [8, 12],
    "use_swiglu_ffn": True,
    "qkv_bias": False,
}
BACKBONE = {**TINY, "model_type": "dinov2", "reshape_hidden_states": False, "out_indices": [0, 2]}
DEPTH = {
    "backbone_config": BACKBONE,
    "patch_size": 4,
    "reassemble_hidden_size": 16,
    "reassemble_factors": [2, 0.5],
    "neck_hidden_sizes": [8, 12],
    "fusion_hidden_size": 8,
    "head_hidden_size": 6,
}
METRIC = {
    **DEPTH,
    "backbone_config": {**BACKBONE, "image_size": [8, 16], "out_indices": [1, -1]},
    "reassemble_factors": [1, 1],
    "depth_estimation_type": "metric",
    "max_depth": 20,
}


@architecture_checks("dinov2", TINY)
def test_dinov2(check: Check) -> None:
    check()


@architecture_checks("dinov2", GATED)
def test_dinov2_with_gates(check: Check) -> None:
    check()


@architecture_checks("dinov2_with_registers", {**TINY, "num_register_tokens": 2})
def test_dinov2_with_registers(check: Check) -> None:
    check()


@architecture_checks("depth_anything", DEPTH)
def test_depth_anything(check: Check) -> None:
    check()


@architecture_checks("depth_anything", METRIC)
def test_depth_anything_in_metres(check: Check) -> None:
    check()
