"""Swin and Swin V2 twice: their heads, and configurations that are unlike each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

import automodel_swin
from automodel_core.layers import edges
from automodel_core.testing import model_names
from support.family import Case
from support.images import ImageCase, ImageFamily
from support.parity import IS_5

__all__ = [
    "BACKBONE",
    "BACKBONE_OF_RECTANGLES",
    "SMALL",
    "SWIN",
    "SWIN_RECTANGLES",
    "SWIN_V2",
    "SWIN_V2_RECTANGLES",
]

SMALL: dict[str, Any] = {
    "image_size": 24, "patch_size": 2, "embed_dim": 8, "depths": [2, 3], "num_heads": [2, 4],
    "window_size": 3, "mlp_ratio": 2.0, "num_labels": 5, "encoder_stride": 4,
    "out_features": ["stem", "stage1", "stage2"],
}  # fmt: skip
CASES = {
    "plain": ImageCase(masked=True),
    "windows that are not full": ImageCase({"image_size": 20, "window_size": 4}, masked=True),
    "odd rows to merge": ImageCase(
        {"depths": [1, 2, 1], "num_heads": [1, 2, 8], "window_size": 2, "encoder_stride": 8,
         "out_features": None, "out_indices": [-2, -1]}, pixels=(28, 28),
    ),
    "one window a stage": ImageCase(
        {"image_size": 16, "window_size": 8, "depths": [2], "num_heads": [4], "encoder_stride": 2,
         "out_features": None}, masked=True,
    ),
    "no biases of queries, keys and values": ImageCase({"qkv_bias": False}, masked=True),
    "one grey channel": ImageCase(
        {"num_channels": 1, "hidden_act": "relu", "mlp_ratio": 3.5, "layer_norm_eps": 1e-2},
        masked=True,
    ),
    "other images": ImageCase({"out_features": ["stem"]}, pixels=(30, 30)),
    "a number instead of classes": ImageCase({"num_labels": 1, "window_size": 1}, masked=True),
    "several classes at once": ImageCase(
        {"problem_type": "multi_label_classification", "out_indices": [1], "out_features": None},
    ),
}  # fmt: skip
RECTANGLES = {
    "wide images": ImageCase({"image_size": [12, 20]}),
    "patches that are no squares": ImageCase({"patch_size": [2, 4], "image_size": [24, 40]}),
    "patches that are not full": ImageCase({"image_size": [23, 37], "window_size": 4}),
    "images of another shape": ImageCase(pixels=(40, 25)),
}
SMALL_MAPS = {"windows larger than maps": ImageCase({"window_size": 7}, pixels=(10, 18))}
# 4.x has one more position than patches, and cannot run.
LEARNED = {"learned positions": ImageCase({"use_absolute_embeddings": True}, masked=True)}
BACKBONES = ("SwinBackbone",)
# With other shapes than squares the reference cannot put its patches back into an image.
BODIES = ("SwinModel", "SwinForImageClassification")


class BackboneFamily(ImageFamily):
    """Backbones, whose hidden states are maps; in 4.x they are rows of patches."""

    def reference(self, case: Case, head: str, seed: int = 0, **more: Any) -> Any:
        model = super().reference(case, head, seed, **more)
        if not IS_5:
            forward = model.forward

            def with_maps(pixel_values: Tensor, **options: Any) -> Any:
                output = forward(pixel_values, **options)
                states = output[1:2] if isinstance(output, tuple) else [output.hidden_states]
                if states and states[0] is not None:
                    patch = edges(model.config.patch_size)
                    maps = as_maps(states[0], pixel_values.shape[-2:], patch)
                    if isinstance(output, tuple):
                        return (output[0], maps, *output[2:])
                    output["hidden_states"] = maps
                return output

            model.forward = with_maps
        return model


def as_maps(
    states: tuple[Tensor, ...], pixels: Sequence[int], patch: tuple[int, int]
) -> tuple[Tensor, ...]:
    """Return the states of stages as maps; the first two are of one size, each other of half."""
    maps, grid = [], [-(-edge // size) for edge, size in zip(pixels, patch, strict=True)]
    for number, each in enumerate(states):
        if number > 1:
            grid = [-(-edge // 2) for edge in grid]
        maps.append(each.transpose(1, 2).unflatten(2, grid))
    return tuple(maps)


def family(heads: tuple[str, ...], cases: dict[str, ImageCase]) -> ImageFamily:
    return ImageFamily(automodel_swin, heads, SMALL, cases, asks_to_interpolate=False)


SQUARES = CASES | (LEARNED if IS_5 else {})
SWIN = family((*BODIES, "SwinForMaskedImageModeling"), SQUARES)
SWIN_RECTANGLES = family(BODIES, RECTANGLES)
BACKBONE = BackboneFamily(
    automodel_swin, BACKBONES, SMALL, SQUARES | SMALL_MAPS, asks_to_interpolate=False
)
BACKBONE_OF_RECTANGLES = BackboneFamily(
    automodel_swin, BACKBONES, SMALL, RECTANGLES, asks_to_interpolate=False
)
SWIN_V2 = family(
    model_names("swinv2"),
    {
        **CASES,
        "windows as high as images": ImageCase({"window_size": 16, "image_size": 16}, masked=True),
        "smaller windows before": ImageCase(
            {"pretrained_window_sizes": [2, 3], "window_size": 4}, masked=True
        ),
    },
)
SWIN_V2_RECTANGLES = family(
    tuple(head for head in SWIN_V2.heads if not head.endswith("ForMaskedImageModeling")),
    RECTANGLES,
)
