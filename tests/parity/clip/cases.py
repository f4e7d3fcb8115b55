"""CLIP twice: its heads, and configurations that are unlike each other."""

from __future__ import annotations

from typing import Any

import automodel_clip
from support.parity import IS_5
from support.towers import TowerCase, TowerFamily

__all__ = ["CLIP"]

SMALL: dict[str, Any] = {
    "hidden_size": 24, "intermediate_size": 20, "num_hidden_layers": 2, "num_attention_heads": 3,
    "projection_dim": 10,
}  # fmt: skip
END = 3
CASES = {
    "plain": TowerCase({"projection_dim": 10, "num_labels": 5}),
    "ends are the largest ids": TowerCase({"projection_dim": 7}, text={"eos_token_id": 2}),
    "texts end with what pads them": TowerCase(text={"pad_token_id": END}, padding="none"),
    "towers of unlike sizes": TowerCase(
        {"num_labels": 1},
        text={"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 16},
        image={"num_hidden_layers": 3, "num_attention_heads": 1, "hidden_act": "gelu"},
    ),
    "wide images": TowerCase(pixels=(8, 24)),
    "as many patches, not as large": TowerCase(pixels=(19, 18)),
    "a rest beside the patches": TowerCase(image={"image_size": 18, "layer_norm_eps": 1e-2}),
    "one grey channel": TowerCase(image={"num_channels": 1, "hidden_act": "relu"}),
    "one patch": TowerCase(image={"image_size": 4}, text={"layer_norm_eps": 1e-1}, lengths=(2, 1)),
    "several classes at once": TowerCase(
        {"problem_type": "multi_label_classification", "num_labels": 4, "projection_dim": 30}
    ),
}
CLIP = TowerFamily(
    automodel_clip,
    (
        "CLIPModel",
        "CLIPTextModel",
        "CLIPTextModelWithProjection",
        "CLIPVisionModel",
        "CLIPVisionModelWithProjection",
        "CLIPForImageClassification",
    ),
    SMALL,
    CASES,
    end=END,
    small_text={"vocab_size": 40, "max_position_embeddings": 12, "eos_token_id": END},
    small_image={"image_size": 16, "patch_size": 4},
    one_size=() if IS_5 else ("CLIPForImageClassification",),
)
