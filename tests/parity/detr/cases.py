"""DETR and Table Transformer twice: their heads, and configurations unlike each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

import automodel_detr
from automodel_core.testing.drawn.objects import drawn_objects
from support.family import ROWS, Case
from support.images import AnySizeFamily, ImageCase
from support.parity import IS_5

__all__ = ["BASIC", "DETR", "SMALL", "TABLE", "DetectorFamily"]

BACKBONE: dict[str, Any] = {
    "model_type": "resnet", "embedding_size": 8, "hidden_sizes": [8, 8, 16, 12],
    "depths": [1, 1, 1, 1],
    "out_features": ["stage1", "stage2", "stage3", "stage4"],
}  # fmt: skip
NO_TIMM: dict[str, Any] = {} if IS_5 else {"backbone": None, "use_pretrained_backbone": False}
BASIC = {**BACKBONE, "layer_type": "basic", "hidden_sizes": [4, 4, 4, 4]}
SMALL: dict[str, Any] = {
    **NO_TIMM,
    "use_timm_backbone": False, "backbone_config": BACKBONE, "num_queries": 7,
    "encoder_layers": 2, "encoder_ffn_dim": 24,
    "encoder_attention_heads": 8, "decoder_layers": 3, "decoder_ffn_dim": 20,
    "decoder_attention_heads": 4, "d_model": 64, "num_labels": 5,
}  # fmt: skip


@dataclass(frozen=True)
class DetectorFamily(AnySizeFamily):
    """An architecture around a backbone, that learns from objects."""

    def reference(self, case: Case, head: str, seed: int = 0, **more: Any) -> Any:
        model = super().reference(case, head, seed, **more)
        for parameter in model.parameters():
            parameter.requires_grad_(True)  # the reference freezes more than it means to
        return model

    def ours_from(self, reference: Any, **more: Any) -> Any:
        model = super().ours_from(reference, **more)
        for parameter in model.parameters():
            parameter.requires_grad_(True)
        return model

    def batch(self, case: Case, head: str, rows: int = ROWS, seed: int = 0) -> dict[str, Any]:
        given = super().batch(case, head, rows, seed)
        height, width = given["pixel_values"].shape[-2:]
        mask = torch.ones(rows, height, width, dtype=torch.long)
        mask[-1, height // 2 :] = 0
        mask[0, :, (2 * width) // 3 :] = 0
        return {**given, "pixel_mask": mask}

    def labels(self, head: str, given: Mapping[str, Any], config: Any) -> dict[str, Any]:
        if head.endswith("Model"):
            return {}
        objects = drawn_objects(config, given["pixel_values"])
        objects[-1] = {name: value[:0] for name, value in objects[-1].items()}  # an empty image
        return {"labels": objects}


DETECTORS = {
    "plain": ImageCase(),
    "wide images": ImageCase(pixels=(64, 96)),
    "odd edges": ImageCase({"num_labels": 3}, pixels=(70, 51)),
    "learned positions": ImageCase({"position_embedding_type": "learned"}),
    "one label, other weights": ImageCase(
        {"num_labels": 1, "class_cost": 2, "bbox_cost": 1, "giou_loss_coefficient": 3}
    ),
    "another activation, more queries": ImageCase(
        # Version 4 draws masks with ReLU, whatever the configuration says.
        {
            "activation_function": "gelu" if IS_5 else "relu",
            "num_queries": 20,
            "decoder_attention_heads": 2,
            "eos_coefficient": 0.4,
        }
    ),
    "more heads, high images": ImageCase(
        {"encoder_attention_heads": 16, "decoder_attention_heads": 8, "encoder_layers": 3},
        pixels=(96, 64),
    ),
    "a single layer": ImageCase({"encoder_layers": 1, "decoder_layers": 1, "d_model": 32}),
}
HEADS = ("DetrModel", "DetrForObjectDetection", "DetrForSegmentation")
DETR = DetectorFamily(automodel_detr, HEADS, SMALL, DETECTORS)
TABLE = DetectorFamily(
    automodel_detr,
    ("TableTransformerModel", "TableTransformerForObjectDetection"),
    SMALL,
    DETECTORS,
)
