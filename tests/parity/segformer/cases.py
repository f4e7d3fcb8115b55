"""SegFormer and GLPN twice: their heads, and configurations that are unlike each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

import automodel_segformer
from automodel_core.testing import model_names
from support.images import AnySizeFamily, ImageCase

__all__ = ["GLPN", "SEGFORMER", "SMALL", "MixFamily"]

SMALL: dict[str, Any] = {
    "depths": [1, 2, 1, 1], "hidden_sizes": [8, 16, 12, 20], "num_attention_heads": [1, 2, 3, 4],
    "sr_ratios": [4, 2, 2, 1], "mlp_ratios": [2, 2, 1, 3], "decoder_hidden_size": 12,
}  # fmt: skip


@dataclass(frozen=True)
class MixFamily(AnySizeFamily):
    """Depths as labels."""

    def labels(self, head: str, given: Mapping[str, Tensor], config: Any) -> dict[str, Tensor]:
        if head != "GLPNForDepthEstimation":
            return super().labels(head, given, config)
        chance = torch.Generator().manual_seed(9)
        rows, _, height, width = given["pixel_values"].shape
        smaller = 4 if config.head_in_index == 2 else 1
        shape = (rows, height // smaller, width // smaller)
        # Some are not known, and do not count.
        return {"labels": 9.0 * torch.rand(shape, generator=chance).sub(0.1).relu()}


CASES = {
    "plain": ImageCase(),
    "wide images": ImageCase(pixels=(64, 96)),
    "a rest beside the patches": ImageCase({"num_labels": 3}, pixels=(70, 51)),
    "two stages of other patches": ImageCase(
        {
            "num_encoder_blocks": 2,
            "depths": [1, 2],
            "hidden_sizes": [8, 12],
            "num_attention_heads": [2, 3],
            "sr_ratios": [3, 1],
            "mlp_ratios": [2, 2],
            "patch_sizes": [3, 4],
            "strides": [2, 3],
        },
        pixels=(32, 36),
    ),
    "one grey channel, other activations": ImageCase({"num_channels": 1, "hidden_act": "relu"}),
    "one label": ImageCase({"num_labels": 1}),
    "keys of all patches": ImageCase({"sr_ratios": [1, 1, 1, 1]}, pixels=(32, 64)),
    "the last states in a row": ImageCase(
        {"reshape_last_stage": False, "hidden_sizes": [8, 16, 12, 16]}, pixels=(128, 128)
    ),
    "drops that only training sees": ImageCase(
        {
            "drop_path_rate": 0.5,
            "hidden_dropout_prob": 0.3,
            "attention_probs_dropout_prob": 0.3,
            "classifier_dropout_prob": 0.5,
        }
    ),
}
SEGFORMER = MixFamily(automodel_segformer, model_names("segformer"), SMALL, CASES)
GLPN = MixFamily(
    automodel_segformer,
    model_names("glpn"),
    SMALL,
    {
        "plain": ImageCase(),
        "wide images": ImageCase(pixels=(64, 96)),
        "one grey channel": ImageCase({"num_channels": 1, "hidden_act": "gelu_new"}),
        "a stage as wide as the decoder": ImageCase({"decoder_hidden_size": 16}),
        "farther": ImageCase({"max_depth": 80, "decoder_hidden_size": 8}, pixels=(32, 64)),
        "depths of an earlier stage": ImageCase({"head_in_index": 2}),
        "keys of all patches": ImageCase({"sr_ratios": [1, 1, 1, 1]}, pixels=(32, 32)),
        "drops that only training sees": ImageCase(
            {"drop_path_rate": 0.5, "hidden_dropout_prob": 0.3}
        ),
    },
)
