"""MaskFormer and Mask2Former twice: their heads, and configurations unlike each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

import automodel_maskformer
from automodel_core.testing.drawn.objects import drawn_objects
from support.family import ROWS, Case
from support.images import AnySizeFamily, ImageCase
from support.parity import IS_5

__all__ = ["DECODER", "MASK2FORMER", "MASKFORMER", "STAGES", "SWIN", "MaskFamily"]

STAGES = ["stage1", "stage2", "stage3", "stage4"]
RESNET: dict[str, Any] = {
    "model_type": "resnet", "embedding_size": 8, "hidden_sizes": [8, 8, 16, 12],
    "depths": [1, 1, 1, 1], "out_features": STAGES,
}  # fmt: skip
SWIN: dict[str, Any] = {
    "model_type": "swin", "image_size": 64, "embed_dim": 8, "depths": [2, 1, 1, 1],
    "num_heads": [2, 2, 4, 4], "window_size": 4, "drop_path_rate": 0.0,
}  # fmt: skip
NO_BACKBONE: dict[str, Any] = (
    {}
    if IS_5
    else {"backbone": None, "use_pretrained_backbone": False, "backbone_config": {**RESNET}}
)
DECODER: dict[str, Any] = {
    **NO_BACKBONE,
    "model_type": "detr", "use_timm_backbone": False, "num_queries": 7,
    "encoder_layers": 1, "encoder_ffn_dim": 16, "encoder_attention_heads": 2,
    "decoder_layers": 3, "decoder_ffn_dim": 20, "decoder_attention_heads": 4, "d_model": 64,
}  # fmt: skip
SMALL: dict[str, Any] = {
    "backbone_config": RESNET, "decoder_config": DECODER, "fpn_feature_size": 64,
    "mask_feature_size": 24, "num_labels": 5,
}  # fmt: skip


class Part(dict[str, Any]):
    """The keys of a part, which version 4 takes ``model_type`` out of: here it stays."""

    def pop(self, key: str) -> Any:  # type: ignore[override]
        return self[key]


@dataclass(frozen=True)
class MaskFamily(AnySizeFamily):
    """An architecture that learns from masks and their classes.

    In double precision no rounding decides on which side of a ReLU a number lies, so that
    gradients are those of one function.
    """

    dtype: torch.dtype = torch.float32

    def pair(self, case: Case, head: str, seed: int = 0, **more: Any) -> tuple[Any, Any]:
        reference, model = super().pair(case, head, seed, **more)
        return reference.to(self.dtype), model.to(self.dtype)

    def batch(self, case: Case, head: str, rows: int = ROWS, seed: int = 0) -> dict[str, Any]:
        given = super().batch(case, head, rows, seed)
        return {name: tensor.to(self.dtype) for name, tensor in given.items()}

    def settings(self, case: Case, head: str) -> dict[str, Any]:
        found = super().settings(case, head)
        return {k: Part(value) if isinstance(value, dict) else value for k, value in found.items()}

    def labels(self, head: str, given: Mapping[str, Any], config: Any) -> dict[str, Any]:
        if head.endswith("Model"):
            return {}
        objects = drawn_objects(config, given["pixel_values"])
        objects[-1] = {name: value[:0] for name, value in objects[-1].items()}  # an empty image
        return {
            "mask_labels": [each["masks"].to(self.dtype) for each in objects],
            "class_labels": [each["class_labels"] for each in objects],
        }


class SampledMaskFamily(MaskFamily):
    """The same, where each loss draws the places at which masks are compared, behind the body."""

    def reference(self, case: Case, head: str, seed: int = 0, **more: Any) -> Any:
        return super().reference(case, head, seed, **more).to(self.dtype)

    def pair(self, case: Case, head: str, seed: int = 0, **more: Any) -> tuple[Any, Any]:
        models = super().pair(case, head, seed, **more)
        for model in models if head.endswith("Segmentation") else ():
            model.model.register_forward_hook(lambda *_: torch.manual_seed(0) and None)
        return models


MASKFORMER = MaskFamily(
    automodel_maskformer,
    ("MaskFormerModel", "MaskFormerForInstanceSegmentation"),
    SMALL,
    {
        "plain": ImageCase(),
        "wide images": ImageCase(pixels=(64, 96)),
        "odd edges": ImageCase({"num_labels": 3}, pixels=(70, 51)),
        "one label, other weights": ImageCase(
            {"num_labels": 1, "dice_weight": 3.0, "mask_weight": 2.0, "no_object_weight": 0.4}
        ),
        "map as wide as queries": ImageCase(
            {"backbone_config": {**RESNET, "hidden_sizes": [8, 8, 16, 64]}}
        ),
        "three stages": ImageCase({"backbone_config": {**RESNET, "out_features": STAGES[1:]}}),
        "another activation, more queries": ImageCase(
            {"decoder_config": {**DECODER, "activation_function": "gelu", "num_queries": 20}}
        ),
        "swin": ImageCase({"backbone_config": SWIN}, pixels=(48, 64)),
        "swin of three stages, odd edges": ImageCase(
            {
                "backbone_config": {
                    **SWIN,
                    "model_type": "maskformer-swin",
                    "depths": [2, 1, 2],
                    "num_heads": [1, 2, 4],
                    "window_size": 3,
                    "out_features": STAGES[:3],
                    "qkv_bias": False,
                    "mlp_ratio": 2.0,
                }
            },
            pixels=(43, 51),
        ),
        "a single layer": ImageCase(
            {"decoder_config": {**DECODER, "decoder_layers": 1, "d_model": 32}},
            pixels=(96, 64),
        ),
    },
)

SMALL_2: dict[str, Any] = {
    "backbone_config": RESNET, "feature_size": 32, "mask_feature_size": 24, "hidden_dim": 32,
    "encoder_feedforward_dim": 20, "dim_feedforward": 36, "encoder_layers": 2, "decoder_layers": 5,
    "num_attention_heads": 4, "num_queries": 7, "train_num_points": 50, "num_labels": 5,
}  # fmt: skip
DINO: dict[str, Any] = {
    "model_type": "dinov2", "image_size": 56, "patch_size": 14, "hidden_size": 16,
    "num_hidden_layers": 4, "num_attention_heads": 2, "out_features": STAGES,
}  # fmt: skip

PROJECTED: dict[str, ImageCase] = {
    "maps of another width": ImageCase({"hidden_dim": 48, "feature_size": 64}),
    "as wide, but projected": ImageCase({"enforce_input_projection": True}),
}
"""What files of version 4 lack the weights of, so that each load draws other ones."""

MASK2FORMER = SampledMaskFamily(
    automodel_maskformer,
    ("Mask2FormerModel", "Mask2FormerForUniversalSegmentation"),
    SMALL_2,
    {
        "plain": ImageCase(),
        "odd edges, one label, other weights": ImageCase(
            {
                "num_labels": 1,
                "dice_weight": 3.0,
                "mask_weight": 2.0,
                "class_weight": 0.5,
                "no_object_weight": 0.4,
                "importance_sample_ratio": 0.3,
                "oversample_ratio": 1.5,
            },
            pixels=(70, 51),
        ),
        "norms first, another activation": ImageCase(
            {"pre_norm": True, "activation_function": "gelu", "num_attention_heads": 2}
        ),
        "no finer map": ImageCase({"common_stride": 8}, pixels=(64, 96)),
        "two finer maps": ImageCase(
            {
                "backbone_config": {**RESNET, "out_features": ["stem", *STAGES]},
                "feature_strides": [2, 4, 8, 16, 32],
                "common_stride": 2,
            }
        ),
        "one map twice, doubtful places only": ImageCase(
            {
                "backbone_config": {**RESNET, "out_features": STAGES[1:]},
                "encoder_layers": 0,
                "importance_sample_ratio": 1.0,
            }
        ),
        "queries alone": ImageCase({"decoder_layers": 1, "num_queries": 20}),
        "swin, odd edges": ImageCase(
            {
                "backbone_config": {
                    **SWIN,
                    "window_size": 3,
                    "qkv_bias": False,
                    "out_features": STAGES,
                },
                "decoder_layers": 3,
            },
            pixels=(43, 51),
        ),
        **(PROJECTED if IS_5 else {}),
        "maps of one size": ImageCase({"backbone_config": DINO}, pixels=(56, 42)),
    },
    dtype=torch.float64,
)
