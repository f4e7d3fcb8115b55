"""SAM eight times: configurations and prompts that are unlike each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

import automodel_sam
from support.family import ROWS, Case
from support.images import ImageCase, ImageFamily

__all__ = ["SAM", "SAM_VISION", "PromptCase", "PromptFamily", "settings_of"]

EDGE, SIZE = 32, 16
VISION: dict[str, Any] = {
    "hidden_size": 24, "output_channels": SIZE, "num_hidden_layers": 3, "num_attention_heads": 4,
    "image_size": EDGE, "patch_size": 4, "window_size": 3, "global_attn_indexes": [1],
    "num_pos_feats": SIZE // 2, "mlp_dim": 40, "initializer_range": 0.02,
}  # fmt: skip
PROMPTS: dict[str, Any] = {"hidden_size": SIZE, "image_size": EDGE, "patch_size": 4}
MASKS: dict[str, Any] = {
    "hidden_size": SIZE, "mlp_dim": 30, "num_attention_heads": 2, "iou_head_hidden_dim": 20,
}  # fmt: skip


def settings_of(
    vision: Mapping[str, Any] | None = None,
    prompts: Mapping[str, Any] | None = None,
    masks: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return a whole configuration's keys, some of the parts' changed."""
    return {
        "vision_config": {**VISION, **(vision or {})},
        "prompt_encoder_config": {**PROMPTS, **(prompts or {})},
        "mask_decoder_config": {**MASKS, **(masks or {})},
    }


@dataclass(frozen=True)
class PromptCase(Case):
    """A configuration, the kinds of prompts that it is tried with, and how many of each."""

    prompts: tuple[str, ...] = ("input_points", "input_labels")
    count: int = 2
    one_mask: bool = False


@dataclass(frozen=True)
class PromptFamily(ImageFamily):
    """An architecture that makes masks of prompts."""

    def reference(self, case: Case, head: str, seed: int = 0, **more: Any) -> Any:
        model = super().reference(case, head, seed, **more)
        model.tie_weights()
        for name, parameter in model.named_parameters():
            # They are never trained, and no parameters in older versions.
            parameter.requires_grad_(not name.endswith("positional_embedding"))
        return model

    def batch(self, case: Case, head: str, rows: int = ROWS, seed: int = 0) -> dict[str, Any]:
        assert isinstance(case, PromptCase)
        chance = torch.Generator().manual_seed(seed)
        channels = case.settings.get("vision_config", {}).get("num_channels", 3)
        drawn: dict[str, Any] = {
            "pixel_values": torch.randn(rows, channels, EDGE, EDGE, generator=chance)
        }
        points = EDGE * torch.rand(rows, case.count, 3, 2, generator=chance).double()
        kinds = torch.tensor([1, 0, -10, -1, 1])
        shape = (rows, case.count, 3)
        labels = kinds[torch.randint(len(kinds), shape, generator=chance)]
        corners = (EDGE / 2 * torch.rand(rows, case.count, 2, 2, generator=chance)).cumsum(2)
        masks = torch.randn(rows, 1, EDGE, EDGE, generator=chance)
        of_kinds = {
            "input_points": points, "input_labels": labels,
            "input_boxes": corners.flatten(2), "input_masks": masks,
            "attention_similarity": torch.randn(1, 1, 1, (EDGE // 4) ** 2, generator=chance),
            "target_embedding": torch.randn(1, 1, SIZE, generator=chance),
        }  # fmt: skip
        drawn |= {name: of_kinds[name] for name in case.prompts}
        return {**drawn, "multimask_output": False} if case.one_mask else drawn

    def labels(self, head: str, given: Mapping[str, Tensor], config: Any) -> dict[str, Tensor]:
        return {}


POINTS = ("input_points", "input_labels")
SAM = PromptFamily(
    automodel_sam,
    ("SamModel",),
    settings_of(),
    {
        "points": PromptCase(),
        "points alone, and one mask": PromptCase(prompts=("input_points",), one_mask=True),
        "boxes": PromptCase(
            settings_of({"qkv_bias": False, "num_channels": 1}), prompts=("input_boxes",), count=3
        ),
        "points and boxes": PromptCase(
            settings_of({"window_size": 0, "use_abs_pos": False}),
            prompts=(*POINTS, "input_boxes"),
        ),
        "masks and more prompts than fit at once": PromptCase(
            settings_of(prompts={"mask_input_channels": 8, "hidden_act": "relu"}),
            prompts=(*POINTS, "input_masks"),
            count=13,
        ),
        "nothing": PromptCase(settings_of({"use_rel_pos": False}), prompts=()),
        "deep decoder": PromptCase(
            settings_of(
                {"global_attn_indexes": [0, 1, 2], "layer_norm_eps": 1e-3, "hidden_act": "relu"},
                masks={
                    "num_hidden_layers": 3,
                    "num_multimask_outputs": 1,
                    "iou_head_depth": 4,
                    "attention_downsample_rate": 4,
                    "hidden_act": "gelu",
                },
            ),
        ),
        "personal": PromptCase(prompts=(*POINTS, "attention_similarity", "target_embedding")),
    },
)
SAM_VISION = ImageFamily(
    automodel_sam,
    ("SamVisionModel",),
    VISION,
    {"windows": ImageCase(), "one head": ImageCase({"num_attention_heads": 1, "window_size": 8})},
    asks_to_interpolate=False,
)
