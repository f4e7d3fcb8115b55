"""OWL-ViT and OWLv2 alone: queries, boxes, what query images show, and what cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import automodel_owlvit
from automodel_core import AutoModelForZeroShotObjectDetection
from automodel_core.errors import ConfigurationError, InputError
from automodel_owlvit import Owlv2ForObjectDetection, OwlViTForObjectDetection

LAYERS: dict[str, Any] = {
    "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24,
}  # fmt: skip
END = 49
TEXT = {**LAYERS, "vocab_size": 50, "max_position_embeddings": 8, "eos_token_id": END}
SMALL = {
    "text_config": TEXT,
    "vision_config": {**LAYERS, "image_size": 12, "patch_size": 4},
    "projection_dim": 16,
}
IMAGES = torch.randn(2, 3, 12, 12, generator=torch.Generator().manual_seed(1))
TEXTS = torch.tensor([[9, 8, END, 0], [7, END, 0, 0], [5, 6, 4, END], [3, END, 0, 0]])
DETECTORS = pytest.mark.parametrize("kind", [OwlViTForObjectDetection, Owlv2ForObjectDetection])


def made(kind: Any, **settings: Any) -> Any:
    torch.manual_seed(0)
    return kind(kind.config_class(**{**SMALL, **settings})).eval()


@DETECTORS
@torch.no_grad()
def test_each_image_has_texts_of_its_own(kind: Any) -> None:
    model = made(kind)
    both = model(TEXTS, IMAGES)
    for image in range(2):
        alone = model(TEXTS[2 * image : 2 * image + 2], IMAGES[image : image + 1])
        torch.testing.assert_close(alone.logits[0], both.logits[image])
        torch.testing.assert_close(alone.pred_boxes[0], both.pred_boxes[image])
    assert ("objectness_logits" in both) == (kind is Owlv2ForObjectDetection)
    assert both.text_embeds.shape == (2, 2, 16)
    assert both.image_embeds.shape == (2, 3, 3, 16)


@torch.no_grad()
def test_boxes_begin_where_their_patches_end() -> None:
    model = made(OwlViTForObjectDetection)
    for weight in model.box_head.parameters():
        weight.zero_()
    wide = IMAGES.repeat(1, 1, 1, 2)
    boxes = model(TEXTS, wide, interpolate_pos_encoding=True).pred_boxes[0].view(3, 6, 4)
    columns, rows = torch.arange(1, 7) / 6, torch.arange(1, 4) / 3
    torch.testing.assert_close(boxes[..., 0], columns.expand(3, 6), atol=1e-3, rtol=0)
    torch.testing.assert_close(boxes[..., 1], rows[:, None].expand(3, 6), atol=1e-3, rtol=0)
    sizes = torch.tensor([1 / 6, 1 / 3]).expand(3, 6, 2)
    torch.testing.assert_close(boxes[..., 2:], sizes, atol=1e-3, rtol=0)


@DETECTORS
@torch.no_grad()
def test_an_image_shows_what_it_shows(kind: Any) -> None:
    """The patch that stands for a query image fits itself best, where scale and shift are equal."""
    model = made(kind)
    for score in (model.class_head.logit_shift, model.class_head.logit_scale):
        for weight in score.parameters():
            weight.zero_()
    output = model.image_guided_detection(IMAGES, IMAGES)
    _, chosen, _ = model.embed_image_query(
        output.query_image_embeds.flatten(1, 2), output.query_image_embeds
    )
    assert torch.equal(output.logits[..., 0].argmax(dim=1, keepdim=True), chosen)
    torch.testing.assert_close(output.logits.amax(dim=1), torch.ones(2, 1))
    torch.testing.assert_close(output.target_pred_boxes, output.query_pred_boxes)


@DETECTORS
def test_names_are_unambiguous_and_a_save_loses_nothing(kind: Any, tmp_path: Path) -> None:
    model = made(kind)
    model.weight_names(model.config).check(model.state_dict())
    assert f"{model.base_model_prefix}.vision_model.pre_layernorm.weight" in model.hub_state_dict()
    model.save_pretrained(tmp_path)
    again: Any = AutoModelForZeroShotObjectDetection.from_pretrained(tmp_path)
    assert type(again) is kind
    with torch.no_grad():
        assert torch.equal(again(TEXTS, IMAGES).logits, model(TEXTS, IMAGES).logits)


def test_old_files_hold_tables_that_are_computed() -> None:
    model = made(OwlViTForObjectDetection)
    state = model.hub_state_dict()
    state["box_bias"] = torch.zeros(9, 4)
    for side, count in (("text", 8), ("vision", 10)):
        state[f"owlvit.{side}_model.embeddings.position_ids"] = torch.arange(count)[None]
    again, info = OwlViTForObjectDetection.from_pretrained(
        None, config=model.config, state_dict=state, output_loading_info=True
    )
    assert not any(info.values())
    assert torch.equal(again.box_head.layers[0].weight, model.box_head.layers[0].weight)


@DETECTORS
def test_what_cannot_be(kind: Any) -> None:
    model = made(kind)
    with pytest.raises(InputError, match="3 texts cannot be shared out to 2 images"):
        model(TEXTS[:3], IMAGES)
    with pytest.raises(InputError, match="image_guided_detection looks for what another image"):
        model(pixel_values=IMAGES)
    with pytest.raises(InputError, match="give pixel_values"):
        model(TEXTS)
    with pytest.raises(InputError, match="give pixel_values"):
        model.image_guided_detection(IMAGES)
    with pytest.raises(ConfigurationError, match="projection_dim=8 is not the hidden_size=16"):
        made(kind, projection_dim=8)(TEXTS, IMAGES)


def test_names_of_both_are_listed() -> None:
    for prefix in ("OwlViT", "Owlv2"):
        for name in ("Config", "Model", "ForObjectDetection", "Processor", "ImageProcessorFast"):
            assert f"{prefix}{name}" in dir(automodel_owlvit)
