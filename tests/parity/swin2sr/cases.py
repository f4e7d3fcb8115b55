"""Swin2SR twice: both heads, and configurations that are unlike each other."""

from __future__ import annotations

from typing import Any

import automodel_swin2sr
from support.images import ImageCase, ImageFamily

__all__ = ["SMALL", "SWIN2SR"]

SMALL: dict[str, Any] = {
    "image_size": 12, "embed_dim": 12, "depths": [2, 1], "num_heads": [2, 3], "window_size": 4,
}  # fmt: skip


SWIN2SR = ImageFamily(
    automodel_swin2sr,
    ("Swin2SRModel", "Swin2SRForImageSuperResolution"),
    SMALL,
    {
        "plain": ImageCase(),
        "three times as large, other images": ImageCase({"upscale": 3}, pixels=(8, 20)),
        "four times, no biases of queries and values": ImageCase(
            {"upscale": 4, "qkv_bias": False, "mlp_ratio": 3.5}
        ),
        "compressed images": ImageCase(
            {"upsampler": "pixelshuffle_aux", "upscale": 4, "img_range": 2.0}
        ),
        "a small model": ImageCase({"upsampler": "pixelshuffledirect", "hidden_act": "relu"}),
        "photographs": ImageCase(
            {"upsampler": "nearest+conv", "upscale": 4, "resi_connection": "3conv"}, pixels=(4, 4)
        ),
        "grey images without noise": ImageCase(
            {"upsampler": "", "upscale": 1, "num_channels": 1, "img_range": 255.0,
             "layer_norm_eps": 1e-2}
        ),
        "coloured images without noise": ImageCase({"upsampler": "", "img_range": 2.0}),
        "grey images of colours": ImageCase({"num_channels_out": 1, "window_size": 3}),
        "grey noise of colours": ImageCase({"upsampler": "", "num_channels_out": 1, "upscale": 1}),
        "windows as large as images": ImageCase({"window_size": 12, "image_size": [12, 24]}),
        "windows that are larger": ImageCase({"image_size": [2, 6], "window_size": 4},
                                             pixels=(8, 12)),
        "shapes of images": ImageCase({"image_size": [20, 8], "upscale": 1}),
    },
    asks_to_interpolate=False,
)  # fmt: skip
