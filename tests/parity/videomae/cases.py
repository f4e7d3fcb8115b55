"""VideoMAE twice: its heads, and configurations that are unlike each other."""

from __future__ import annotations

from typing import Any

import automodel_videomae
from automodel_core.testing import model_names
from support.family import Case
from support.videos import VideoFamily

__all__ = ["RECTANGLES", "SMALL", "VIDEOMAE"]

SMALL: dict[str, Any] = {
    "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 20,
    "image_size": 8, "patch_size": 4, "num_frames": 4, "num_labels": 5,
    "decoder_hidden_size": 18, "decoder_num_attention_heads": 2, "decoder_num_hidden_layers": 2,
    "decoder_intermediate_size": 14,
}  # fmt: skip
CASES = {
    "plain": Case(),
    "no biases": Case({"qkv_bias": False}),
    "the first state instead of the mean": Case({"use_mean_pooling": False}),
    "pixels as they are": Case({"norm_pix_loss": False}),
    "one grey channel, heads of one number": Case(
        {"num_channels": 1, "num_attention_heads": 24, "hidden_act": "relu"}
    ),
    "long tubelets": Case({"num_frames": 6, "tubelet_size": 3, "num_hidden_layers": 1}),
    "single frames": Case({"num_frames": 3, "tubelet_size": 1, "layer_norm_eps": 1e-2}),
    "a number instead of classes": Case({"num_labels": 1, "hidden_act": "gelu_new"}),
    "several classes at once": Case(
        {"problem_type": "multi_label_classification", "initializer_range": 0.1}
    ),
}
VIDEOMAE = VideoFamily(automodel_videomae, model_names("videomae"), SMALL, CASES)
# The reference cannot put the patches of other shapes back into a video.
RECTANGLES = VideoFamily(
    automodel_videomae,
    ("VideoMAEModel", "VideoMAEForVideoClassification"),
    SMALL,
    {"wide videos of wide patches": Case({"image_size": [8, 12], "patch_size": [4, 6]})},
)
