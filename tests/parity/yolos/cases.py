"""YOLOS twice: its heads, and configurations unlike each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import automodel_yolos
from parity.detr.cases import DetectorFamily
from support.family import ROWS, Case
from support.images import ImageCase

__all__ = ["SMALL", "YOLOS"]

SMALL: dict[str, Any] = {
    "hidden_size": 24, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 32,
    "image_size": [32, 48], "patch_size": 16, "num_detection_tokens": 7, "num_labels": 5,
}  # fmt: skip


@dataclass(frozen=True)
class SequenceDetectorFamily(DetectorFamily):
    """An architecture that looks for objects in patches, and sees those that are padded too."""

    def batch(self, case: Case, head: str, rows: int = ROWS, seed: int = 0) -> dict[str, Any]:
        given = super().batch(case, head, rows, seed)
        return {"pixel_values": given["pixel_values"]}


CASES = {
    "other images": ImageCase(),
    "images of its size": ImageCase(pixels=(32, 48)),
    "odd edges": ImageCase({"num_labels": 3}, pixels=(70, 51)),
    "no positions between layers": ImageCase({"use_mid_position_embeddings": False}),
    "one label, other weights": ImageCase(
        {"num_labels": 1, "class_cost": 2, "bbox_cost": 1, "giou_loss_coefficient": 3}
    ),
    "small patches, one channel": ImageCase(
        {"patch_size": 4, "image_size": [12, 8], "num_channels": 1}, pixels=(20, 12)
    ),
    "another activation, more tokens": ImageCase(
        {"hidden_act": "gelu_new", "num_detection_tokens": 20, "eos_coefficient": 0.4}
    ),
    "no biases, another epsilon": ImageCase(
        {"qkv_bias": False, "layer_norm_eps": 1e-3, "num_attention_heads": 6}, pixels=(96, 32)
    ),
    "a single layer and token": ImageCase(
        {"num_hidden_layers": 1, "num_detection_tokens": 1, "num_labels": 2}
    ),
}
YOLOS = SequenceDetectorFamily(
    automodel_yolos, ("YolosModel", "YolosForObjectDetection"), SMALL, CASES
)
