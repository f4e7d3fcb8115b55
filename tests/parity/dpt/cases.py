"""DPT, its hybrid and BiT twice: their heads, and configurations that are unlike each other."""

from __future__ import annotations

from typing import Any

import automodel_dpt
from automodel_core.testing import model_names
from support.images import ConvolutionalFamily, ImageCase, ImageFamily

__all__ = ["BACKBONE", "BIT", "DPT", "HYBRID", "UNREAD_BACKBONE"]

NECK: dict[str, Any] = {"fusion_hidden_size": 12, "num_labels": 5}
SMALL: dict[str, Any] = {
    "hidden_size": 24, "num_hidden_layers": 4, "num_attention_heads": 3, "intermediate_size": 20,
    "image_size": 16, "patch_size": 4, "backbone_out_indices": [0, 1, 2, 3],
    "neck_hidden_sizes": [4, 6, 8, 10], **NECK,
}  # fmt: skip
# Every shape is one of squares: for others the reference has no way to lay out its patches.
DPT = ImageFamily(
    automodel_dpt,
    model_names("dpt"),
    SMALL,
    {
        "plain": ImageCase(),
        "the first token is added": ImageCase({"readout_type": "add", "qkv_bias": False}),
        "the first token is ignored": ImageCase({"readout_type": "ignore", "hidden_act": "relu"}),
        "batch norms, and a projection before the head": ImageCase(
            {
                "use_batch_norm_in_fusion_residual": True,
                "add_projection": True, "fusion_hidden_size": 256,
            }
        ),
        "batch norms and biases": ImageCase(
            {
                "use_batch_norm_in_fusion_residual": True, "use_bias_in_fusion_residual": True,
                "auxiliary_loss_weight": 0.9, "head_in_index": 2, "pooler_act": "relu",
            }
        ),
        "larger images": ImageCase({"layer_norm_eps": 1e-2}, pixels=(32, 32)),
        "an odd grid": ImageCase(pixels=(21, 21)),
        "layers out of order, and only three": ImageCase(
            {
                "backbone_out_indices": [3, 0, 2], "reassemble_factors": [2, 1, 0.5],
                "neck_hidden_sizes": [5, 6, 7], "head_in_index": 1,
            }
        ),
        "a rest beside the patches, one grey channel": ImageCase(
            {"image_size": 18, "num_channels": 1}
        ),
    },
    asks_to_interpolate=False,
)  # fmt: skip


def bottlenecks(**settings: Any) -> dict[str, Any]:
    return {
        "model_type": "bit", "embedding_size": 8, "hidden_sizes": [16, 24, 32], "depths": [1, 2, 1],
        "num_groups": 2, "layer_type": "bottleneck", "global_padding": "SAME",
        "embedding_dynamic_padding": True, "out_features": ["stage1", "stage2", "stage3"],
        **settings,
    }  # fmt: skip


HYBRID = ImageFamily(
    automodel_dpt,
    model_names("dpt"),
    {
        **SMALL, "is_hybrid": True, "image_size": 64, "patch_size": 16,
        "backbone_config": bottlenecks(), "backbone_featmap_shape": [1, 32, 4, 4],
        "neck_hidden_sizes": [16, 24, 8, 10], "reassemble_factors": [1, 1, 1, 0.5],
    },
    {
        "plain": ImageCase(),
        "two layers for the neck": ImageCase({"backbone_out_indices": [0, 1, 1, 3]}),
        "another backbone": ImageCase(
            {"backbone_config": bottlenecks(depths=[2, 1, 2], hidden_act="silu")}
        ),
    },
    asks_to_interpolate=False,
)  # fmt: skip
BACKBONE = ImageFamily(
    automodel_dpt,
    ("DPTForDepthEstimation",),
    {
        **NECK, "image_size": 16, "patch_size": 4, "neck_hidden_sizes": [4, 6, 8, 10],
        "backbone_config": {
            "model_type": "dinov2", "hidden_size": 20, "num_hidden_layers": 4,
            "num_attention_heads": 2, "mlp_ratio": 2, "image_size": 16, "patch_size": 4,
            "out_indices": [1, 2, 3, 4], "reshape_hidden_states": False,
        },
    },
    {
        "plain": ImageCase(),
        "wide images": ImageCase({"readout_type": "add"}, pixels=(8, 24)),
        "no first token": ImageCase({"readout_type": "ignore", "add_projection": False}),
    },
    asks_to_interpolate=False,
)  # fmt: skip
UNREAD_BACKBONE = ImageFamily(
    automodel_dpt,
    ("DPTForSemanticSegmentation",),
    {**SMALL, "backbone_config": {**BACKBONE.small["backbone_config"], "hidden_size": 24}},
    {"plain": ImageCase()},
    asks_to_interpolate=False,
)
BIT = ConvolutionalFamily(
    automodel_dpt,
    model_names("bit"),
    {
        "embedding_size": 8, "hidden_sizes": [16, 24, 32], "depths": [1, 2, 2], "num_groups": 4,
        "image_size": 40, "num_labels": 5,
    },
    {
        "plain": ImageCase(),
        "bottlenecks": ImageCase({"layer_type": "bottleneck", "out_features": ["stem", "stage2"]}),
        "padded by size": ImageCase(
            {"global_padding": "same", "embedding_dynamic_padding": True}, pixels=(45, 58)
        ),
        "bottlenecks padded by size": ImageCase(
            {
                "layer_type": "bottleneck", "global_padding": "SAME",
                "embedding_dynamic_padding": True, "out_indices": [-1],
            },
            pixels=(33, 70),
        ),
        "dilated": ImageCase({"output_stride": 8, "layer_type": "bottleneck"}),
        "dilated before norms": ImageCase({"output_stride": 4, "out_indices": [1, 3]}),
        "one grey channel": ImageCase({"num_channels": 1, "hidden_act": "gelu"}),
        "a number instead of classes": ImageCase({"num_labels": 1, "depths": [2, 1, 1]}),
        "several classes at once": ImageCase({"problem_type": "multi_label_classification"}),
    },
)  # fmt: skip
