"""ResNet twice: its heads, and configurations that are unlike each other."""

from __future__ import annotations

from typing import Any

import automodel_resnet
from automodel_core.testing import model_names
from support.images import ConvolutionalFamily, ImageCase

__all__ = ["RESNET", "SMALL"]

SMALL: dict[str, Any] = {
    "embedding_size": 8, "hidden_sizes": [8, 16, 12], "depths": [1, 2, 1], "num_labels": 5,
}  # fmt: skip


RESNET = ConvolutionalFamily(
    automodel_resnet,
    model_names("resnet"),
    SMALL,
    {
        "plain": ImageCase(),
        "wide images": ImageCase(pixels=(32, 70)),
        "odd edges": ImageCase({"num_labels": 3}, pixels=(51, 37)),
        "basic layers": ImageCase({"layer_type": "basic", "hidden_sizes": [6, 10, 9]}),
        "one grey channel, another activation": ImageCase(
            {"num_channels": 1, "hidden_act": "gelu"}
        ),
        "strides from the first stage on": ImageCase(
            {"downsample_in_first_stage": True, "hidden_sizes": [8, 8, 20]}
        ),
        "strides in the first convolution": ImageCase({"downsample_in_bottleneck": True}),
        "a number instead of classes": ImageCase({"num_labels": 1, "depths": [2, 1, 1]}),
        "several classes at once": ImageCase({"problem_type": "multi_label_classification"}),
        "maps of some stages": ImageCase({"out_features": ["stem", "stage2"]}),
        "maps by their numbers": ImageCase({"out_indices": [1, -1]}),
    },
)
