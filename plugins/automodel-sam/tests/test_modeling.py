"""SAM's parts: what is refused, what is learnt, and blocks of prompts."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from automodel_core.errors import ConfigurationError, InputError
from automodel_sam import SamConfig, SamModel, SamVisionConfig, masks

VISION: dict[str, Any] = {
    "hidden_size": 16, "output_channels": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
    "image_size": 16, "patch_size": 4, "window_size": 3, "global_attn_indexes": [1],
    "num_pos_feats": 8, "mlp_dim": 24, "initializer_range": 0.02,
}  # fmt: skip
WHOLE: dict[str, Any] = {
    "vision_config": VISION,
    "prompt_encoder_config": {"hidden_size": 16, "image_size": 16, "patch_size": 4},
    "mask_decoder_config": {"hidden_size": 16, "mlp_dim": 24, "num_attention_heads": 2},
}

POINT = torch.zeros(1, 1, 1, 2)


@pytest.fixture
def model() -> SamModel:
    torch.manual_seed(0)
    return SamModel(SamConfig(**WHOLE)).eval()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"vision_config": {**VISION, "output_channels": 24}}, "must be one size"),
        ({"vision_config": {**VISION, "num_pos_feats": 4}}, "must be half"),
        ({"vision_config": {**VISION, "image_size": 32}}, "a map of 8 places"),
        ({"vision_config": {**VISION, "patch_size": 5}}, "not a multiple"),
        ({"mask_decoder_config": {"hidden_size": 16, "num_attention_heads": 3}}, "multiple"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        SamConfig(**{**WHOLE, **changes})


def test_what_follows_from_sizes_is_written() -> None:
    config = SamVisionConfig(hidden_size=24, num_attention_heads=4)
    assert (config.mlp_dim, config.scale) == (96, 12)
    assert SamConfig(**WHOLE).to_dict()["prompt_encoder_config"]["image_embedding_size"] == 4
    assert SamConfig(vision_config=None).vision_config == SamVisionConfig()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "give pixel_values"),
        ({"pixel_values": torch.zeros(1, 3, 8, 8)}, "expected"),
        ({"input_points": torch.zeros(1, 2, 2)}, r"\(images, prompts, points, 2\)"),
        ({"input_points": torch.zeros(2, 1, 1, 2)}, "for 1 images"),
        ({"input_labels": torch.zeros(1, 1, 1)}, "give these too"),
        ({"input_points": POINT, "input_labels": torch.ones(1, 1, 2)}, "one label"),
        ({"input_points": POINT, "input_boxes": torch.ones(1, 2, 4)}, "2 boxes"),
        ({"labels": torch.zeros(2, 16, 16)}, "labels have shape"),
    ],
)  # fmt: skip
def test_an_error_says_which_shapes_are_expected(
    model: SamModel, given: dict[str, Any], said: str
) -> None:
    pixels = {"pixel_values": torch.zeros(1, 3, 16, 16)} if given else {}
    with pytest.raises(InputError, match=said):
        model(**{**pixels, **given})


@torch.no_grad()
def test_prompts_in_blocks_are_those_in_one(
    model: SamModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {
        "pixel_values": torch.randn(2, 3, 16, 16),
        "input_points": 16 * torch.rand(2, 5, 2, 2),
        "attention_similarity": torch.randn(10, 2, 1, 16),
        "target_embedding": torch.randn(2, 1, 1, 16),
    }
    expected = model(**given, output_attentions=True)
    monkeypatch.setattr(masks, "PROMPTS", 4)
    found = model(**given, output_attentions=True)
    torch.testing.assert_close(found.pred_masks, expected.pred_masks)
    torch.testing.assert_close(found.iou_scores, expected.iou_scores)
    torch.testing.assert_close(found.mask_decoder_attentions, expected.mask_decoder_attentions)


def test_labels_of_any_size_and_of_each_prompt_give_a_loss(model: SamModel) -> None:
    pixels, points = torch.randn(1, 3, 16, 16), torch.full((1, 2, 1, 2), 8.0)
    label = torch.zeros(1, 24, 24, dtype=torch.int64)
    label[:, :12] = 3
    whole = model(pixels, points, labels=label)
    each = model(pixels, points, labels=label[:, None].expand(-1, 2, -1, -1))
    torch.testing.assert_close(whole.loss, each.loss)
    whole.loss.backward()
    assert whole.loss > 0
