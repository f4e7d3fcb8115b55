"""SigLIP alone: pooling, scores, losses, files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import automodel_siglip
from automodel_core import AutoModelForZeroShotImageClassification
from automodel_core.errors import ConfigurationError
from automodel_siglip import SiglipConfig, SiglipModel, SiglipTextModel, SiglipVisionModel

LAYERS = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24,
}  # fmt: skip
TEXT = {**LAYERS, "vocab_size": 50, "max_position_embeddings": 6}
IMAGE = {**LAYERS, "image_size": 12, "patch_size": 4}
BOTH = {"text_config": TEXT, "vision_config": IMAGE}
TEXTS = torch.tensor([[9, 8, 7, 6, 1, 1], [9, 5, 4, 1, 1, 1]])
IMAGES = torch.randn(2, 3, 12, 12, generator=torch.Generator().manual_seed(1))
HEADS = ("SiglipModel", "SiglipTextModel", "SiglipVisionModel", "SiglipForImageClassification")


def make(name: str, **settings: Any) -> Any:
    """Return a random model of a class by name, in evaluation mode."""
    kind = getattr(automodel_siglip, name)
    small = TEXT if "Text" in name else IMAGE if "Vision" in name else BOTH
    model = kind(kind.config_class(**{**small, **settings})).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0.0, 0.3, generator=generator)
    return model


@pytest.mark.parametrize("head", HEADS)
def test_names_are_unambiguous_and_a_save_loses_nothing(head: str, tmp_path: Path) -> None:
    model = make(head)
    model.weight_names(model.config).check(model.state_dict())
    model.save_pretrained(tmp_path)
    again, info = type(model).from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info.values())
    state = again.state_dict()
    assert all(torch.equal(state[name], tensor) for name, tensor in model.state_dict().items())


def test_files_hold_the_pooling_as_torchs_attention_has_it() -> None:
    model = make("SiglipVisionModel")
    head = {
        name.removeprefix("vision_model.head.attention."): tensor
        for name, tensor in model.hub_state_dict().items()
        if "head.attention" in name
    }
    attention = nn.MultiheadAttention(16, 2, batch_first=True)
    attention.load_state_dict(head)
    states = torch.randn(2, 9, 16)
    pooled = attention(model.head.probe.expand(2, -1, -1), states, states)[0]
    pooled = pooled + model.head.mlp(model.head.norm(pooled))
    torch.testing.assert_close(model.head(states), pooled[:, 0])


def test_the_last_place_stands_for_a_text() -> None:
    model = make("SiglipTextModel", projection_size=5)
    output = model(TEXTS)
    assert torch.equal(output.pooler_output, model.head(output.last_hidden_state[:, -1]))
    changed = TEXTS.clone()
    changed[:, -1] = 40
    assert not torch.equal(model(changed).last_hidden_state[:, 0], output.last_hidden_state[:, 0])


def test_each_pair_has_a_chance_of_its_own() -> None:
    model = make("SiglipModel")
    output = model(TEXTS, IMAGES, return_loss=True)
    cosines = output.text_embeds @ output.image_embeds.t()
    scores = cosines * model.logit_scale.exp() + model.logit_bias
    torch.testing.assert_close(output.logits_per_text, scores)
    expected = -(
        F.logsigmoid(scores.diagonal()).sum() + F.logsigmoid(-scores.flip(0).diagonal()).sum()
    )
    torch.testing.assert_close(output.loss, expected / 2)
    torch.testing.assert_close(model.get_text_features(TEXTS), output.text_model_output[1])


def test_a_part_loads_from_a_checkpoint_of_the_whole(tmp_path: Path) -> None:
    whole = make("SiglipModel")
    whole.save_pretrained(tmp_path)
    output = whole(TEXTS, IMAGES)
    text, image = (kind.from_pretrained(tmp_path) for kind in (SiglipTextModel, SiglipVisionModel))
    assert torch.equal(text(TEXTS)[0], output.text_model_output[0])
    assert torch.equal(image(IMAGES)[0], output.vision_model_output[0])
    scorer = AutoModelForZeroShotImageClassification.from_pretrained(tmp_path)
    assert type(scorer) is SiglipModel


def test_a_classifier_takes_the_mean_of_the_patches() -> None:
    model = make("SiglipForImageClassification", num_labels=3)
    states = model.model(IMAGES).last_hidden_state
    torch.testing.assert_close(model(IMAGES).logits, model.classifier(states.mean(dim=1)))
    trained = {name for name, weight in model.named_parameters() if weight.requires_grad}
    assert not any("head" in name for name in trained)


def test_images_that_are_not_pooled_are_not_compared() -> None:
    both = make("SiglipModel", vision_config={**IMAGE, "vision_use_head": False})
    assert both.vision_model(IMAGES).pooler_output is None
    with pytest.raises(ConfigurationError, match="vision_use_head is false"):
        both.get_image_features(IMAGES)
    model = make("SiglipVisionModel", vision_use_head=False)
    assert model(IMAGES).pooler_output is None


def test_first_values() -> None:
    torch.manual_seed(0)
    layers = {"hidden_size": 64, "num_hidden_layers": 1, "num_attention_heads": 4}
    config = SiglipConfig(
        text_config={**layers, "vocab_size": 99, "intermediate_size": 64},
        vision_config={**layers, "image_size": 32, "patch_size": 4, "intermediate_size": 64},
    )
    model = SiglipModel(config)
    assert not model.logit_scale.any()
    assert not model.logit_bias.any()
    assert model.text_model.embed_tokens.weight.std().item() == pytest.approx(1 / 8, rel=0.1)
    layer = model.text_model.stack.layers[0]
    assert layer.mlp.up_proj.weight.abs().max() <= (6 / 128) ** 0.5
    assert layer.mlp.up_proj.bias.std().item() == pytest.approx(1e-6, rel=0.5)
    assert not layer.self_attn.q_proj.bias.any()
    assert model.vision_model.head.attention.q_proj.weight.abs().max() <= (6 / 256) ** 0.5
