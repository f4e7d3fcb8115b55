"""Swin2SR twice: both heads, and configurations that are unlike each other."""

from __future__ import annotations

from typing import Any

from torch import Tensor

import automodel_swin2sr
from support.family import Case
from support.images import ImageCase, ImageFamily

__all__ = ["SMALL", "SWIN2SR"]

SMALL: dict[str, Any] = {
    "image_size": 12, "embed_dim": 12, "depths": [2, 1], "num_heads": [2, 3], "window_size": 4,
}  # fmt: skip


class RepairedFamily(ImageFamily):
    """A reference that shows what lies beside the states as the models have learned from it.

    It adds the image as it came, where the original adds it as the layers see it.
    """

    def reference(self, case: Case, head: str, seed: int = 0, **more: Any) -> Any:
        model = super().reference(case, head, seed, **more)
        if head == "Swin2SRForImageSuperResolution":
            repaired(model)
        return model


def repaired(model: Any) -> Any:
    """Return a reference that computes what its checkpoints have learned."""
    body, config = model.swin2sr, model.config

    def normalised(pixels: Tensor) -> Tensor:
        return (pixels - body.mean) * config.img_range

    if config.upsampler == "pixelshuffle_aux":
        model.upsample.conv_bicubic.register_forward_pre_hook(
            lambda layer, given: (normalised(given[0]),)
        )
    elif not config.upsampler:
        seen: list[Tensor] = []
        body.register_forward_pre_hook(lambda module, given: seen.append(given[0]))

        def beside(layer: Any, given: Any, found: Tensor) -> Tensor:
            pixels = seen.pop()
            return found + normalised(pixels) - pixels

        model.final_convolution.register_forward_hook(beside)
    return model


SWIN2SR = RepairedFamily(
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
        "windows as large as images": ImageCase({"window_size": 12, "image_size": [12, 24]}),
        "windows that are larger": ImageCase({"image_size": [2, 6], "window_size": 4},
                                             pixels=(8, 12)),
        "shapes of images": ImageCase({"image_size": [20, 8], "upscale": 1}),
    },
    asks_to_interpolate=False,
)  # fmt: skip
