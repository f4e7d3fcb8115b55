"""ViT and DeiT twice: their heads, and configurations that are unlike each other."""

from __future__ import annotations

from typing import Any

import transformers

import automodel_vit
from automodel_core.testing import model_names
from support.images import ImageCase, ImageFamily

__all__ = ["DEIT", "SMALL", "VIT", "VIT_RECTANGLES"]

SMALL: dict[str, Any] = {
    "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 20,
    "image_size": 16, "patch_size": 4, "encoder_stride": 4, "num_labels": 5,
}  # fmt: skip
CASES = {
    "plain": ImageCase(masked=True),
    "no biases of queries, keys and values": ImageCase({"qkv_bias": False}, masked=True),
    "one grey channel, heads of one number": ImageCase(
        {"num_channels": 1, "num_attention_heads": 24, "hidden_act": "relu"}, masked=True
    ),
    "a rest beside the patches": ImageCase({"image_size": 18, "hidden_act": "gelu_new"}),
    "larger images": ImageCase({"layer_norm_eps": 1e-2}, pixels=(24, 24)),
    "smaller images": ImageCase({"num_hidden_layers": 3}, pixels=(8, 8)),
    "as many patches, not as large": ImageCase(pixels=(19, 19)),
    "a narrow pooler": ImageCase({"pooler_output_size": 10, "pooler_act": "relu"}, masked=True),
    "a wide stride": ImageCase({"encoder_stride": 8, "num_hidden_layers": 1}),
    "a number instead of classes": ImageCase({"num_labels": 1, "num_channels": 5}, masked=True),
    "several classes at once": ImageCase(
        {"problem_type": "multi_label_classification", "hidden_act": "quick_gelu"}, masked=True
    ),
}
RECTANGLES = {
    "high images of wide patches": ImageCase({"image_size": [24, 12], "patch_size": [3, 6]}),
    "wide images": ImageCase({"image_size": [12, 20]}),
    "one row": ImageCase({"image_size": [4, 24], "qkv_bias": False}),
}
VIT = ImageFamily(
    automodel_vit,
    model_names("vit"),
    SMALL,
    CASES,
)
# With other shapes than squares the reference cannot put its patches back into an image.
VIT_RECTANGLES = ImageFamily(automodel_vit, VIT.heads[:2], SMALL, RECTANGLES)
DEIT_HEADS = (
    "DeiTModel",
    "DeiTForImageClassification",
    "DeiTForImageClassificationWithTeacher",
    # 4.x makes pixels of the distillation token, and none of the last patch.
    *(["DeiTForMaskedImageModeling"] if transformers.__version__.startswith("5.") else []),
)
DEIT = ImageFamily(
    automodel_vit,
    DEIT_HEADS,
    SMALL,
    {
        name: CASES[name]
        for name in ("plain", "no biases of queries, keys and values", "larger images")
    },
)
