"""Donut's encoder and its configurations, to compare with the reference."""

from __future__ import annotations

from typing import Any

import automodel_donut
from support.images import ImageCase, ImageFamily

__all__ = ["DONUT"]

SMALL: dict[str, Any] = {
    "image_size": [24, 36], "patch_size": 4, "embed_dim": 8, "depths": [2, 3], "num_heads": [2, 4],
    "window_size": 3, "mlp_ratio": 2.0, "num_labels": 5,
}  # fmt: skip
DONUT = ImageFamily(
    automodel_donut,
    ("DonutSwinModel", "DonutSwinForImageClassification"),
    SMALL,
    {
        "plain": ImageCase(),
        "windows that are not full": ImageCase({"image_size": [20, 28], "window_size": 2}),
        "odd rows to merge": ImageCase({"image_size": [20, 20], "depths": [1, 2, 1],
                                        "num_heads": [1, 2, 8], "window_size": 2}),
        "one window a stage": ImageCase({"image_size": 24, "window_size": 6, "depths": [2],
                                         "num_heads": [4]}),
        "no biases of queries, keys and values": ImageCase({"qkv_bias": False}),
        "grey, relu, wide": ImageCase(
            {"num_channels": 1, "hidden_act": "relu", "mlp_ratio": 3.5, "layer_norm_eps": 1e-2}
        ),
        "patches that are not full": ImageCase({"image_size": [22, 37]}),
        "patches that are no squares": ImageCase({"patch_size": [2, 6], "image_size": [12, 36]}),
        "other images": ImageCase(pixels=(48, 20)),
        "a number instead of classes": ImageCase({"num_labels": 1, "window_size": 1}),
    },
)  # fmt: skip
