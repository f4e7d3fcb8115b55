"""DINOv2 and Depth Anything twice: their heads, and configurations that are unlike each other."""

from __future__ import annotations

from typing import Any

import automodel_dinov2
from automodel_core.testing import model_names
from support.images import ImageCase, ImageFamily

__all__ = ["DEPTH_ANYTHING", "DINOV2", "SMALL", "WITH_REGISTERS"]

SMALL: dict[str, Any] = {
    "hidden_size": 24, "num_hidden_layers": 3, "num_attention_heads": 3, "mlp_ratio": 2,
    "image_size": 16, "patch_size": 4, "num_labels": 5,
}  # fmt: skip
DINOV2 = ImageFamily(
    automodel_dinov2,
    model_names("dinov2"),
    SMALL,
    {
        "plain": ImageCase({"out_features": ["stem", "stage2"]}),
        "no biases of queries, keys and values": ImageCase({"qkv_bias": False}),
        "one grey channel, wide images": ImageCase(
            {"num_channels": 1, "hidden_act": "relu", "out_indices": [-1]}, pixels=(8, 24)
        ),
        "a rest beside the patches": ImageCase({"image_size": 18}, pixels=(19, 22)),
        "as many patches of another shape": ImageCase(
            {"layer_norm_eps": 1e-2, "apply_layernorm": False, "out_indices": [1, 3]},
            pixels=(32, 8),
        ),
        "states as they are": ImageCase({"reshape_hidden_states": False, "out_indices": [0, -2]}),
        "small scales": ImageCase({"layerscale_value": 1e-3, "mlp_ratio": 1}),
        "a number instead of classes": ImageCase({"num_labels": 1, "use_mask_token": False}),
        "several classes at once": ImageCase({"problem_type": "multi_label_classification"}),
    },
    asks_to_interpolate=False,
)

WITH_REGISTERS = ImageFamily(
    automodel_dinov2,
    model_names("dinov2_with_registers"),
    SMALL,
    {
        "plain": ImageCase({"out_features": ["stem", "stage2"]}),
        "one register, smaller images": ImageCase({"num_register_tokens": 1}, pixels=(8, 12)),
        "larger images, states as they are": ImageCase(
            {"reshape_hidden_states": False, "out_indices": [1, -1]}, pixels=(24, 20)
        ),
    },
    asks_to_interpolate=False,
)


def backbone(**settings: Any) -> dict[str, Any]:
    return {
        "model_type": "dinov2", **SMALL, "out_indices": [0, 1, 2, 3],
        "reshape_hidden_states": False, **settings,
    }  # fmt: skip


DEPTH_ANYTHING = ImageFamily(
    automodel_dinov2,
    model_names("depth_anything"),
    {
        "image_size": 16, "patch_size": 4, "backbone_config": backbone(),
        "reassemble_hidden_size": 24, "neck_hidden_sizes": [4, 6, 8, 10],
        "fusion_hidden_size": 8, "head_hidden_size": 6,
    },
    {
        "plain": ImageCase(),
        "in metres": ImageCase({"depth_estimation_type": "metric", "max_depth": 20}),
        "wide images": ImageCase(pixels=(12, 40)),
        "an odd grid": ImageCase(pixels=(21, 30)),
        "one row of patches": ImageCase(pixels=(4, 20)),
        "two maps, of one size": ImageCase(
            {
                "backbone_config": backbone(out_features=["stage1", "stage3"], out_indices=None),
                "reassemble_factors": [1, 1], "neck_hidden_sizes": [5, 9],
            }
        ),
        "the depth of a coarser map": ImageCase({"head_in_index": 1}),
        "unnormalised states": ImageCase(
            {"backbone_config": backbone(apply_layernorm=False, qkv_bias=False)}
        ),
    },
    asks_to_interpolate=False,
)  # fmt: skip
