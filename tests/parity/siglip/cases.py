"""SigLIP twice: its heads, and configurations that are unlike each other."""

from __future__ import annotations

from typing import Any

import automodel_siglip
from support.towers import TowerCase, TowerFamily

__all__ = ["SIGLIP"]

SMALL: dict[str, Any] = {
    "hidden_size": 24, "intermediate_size": 20, "num_hidden_layers": 2, "num_attention_heads": 3,
}  # fmt: skip
CASES = {
    "plain": TowerCase({"num_labels": 5}),
    "texts of all positions": TowerCase(padding="none", lengths=(12, 1)),
    "towers of unlike sizes": TowerCase(
        {"num_labels": 1},
        text={"hidden_size": 16, "num_attention_heads": 16, "projection_size": 32},
        image={"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 1},
    ),
    "wide images": TowerCase(pixels=(8, 24)),
    "as many patches, not as large": TowerCase(pixels=(19, 18)),
    "a rest beside the patches": TowerCase(image={"image_size": 18, "layer_norm_eps": 1e-2}),
    "one grey channel": TowerCase(image={"num_channels": 1, "hidden_act": "relu"}),
    "one patch": TowerCase(image={"image_size": 4}, text={"hidden_act": "gelu"}, lengths=(2, 1)),
    "several classes at once": TowerCase(
        {"problem_type": "multi_label_classification", "num_labels": 4}
    ),
}
SIGLIP = TowerFamily(
    automodel_siglip,
    ("SiglipModel", "SiglipTextModel", "SiglipVisionModel", "SiglipForImageClassification"),
    SMALL,
    CASES,
    small_text={"vocab_size": 40, "max_position_embeddings": 12},
    small_image={"image_size": 16, "patch_size": 4},
)
