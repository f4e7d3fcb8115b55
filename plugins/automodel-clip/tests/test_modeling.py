"""CLIP alone: pooling, scores, losses, files of wholes and parts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from automodel_clip import CLIPConfig, CLIPModel, CLIPTextModel, CLIPVisionModel
from automodel_core import AutoModel, AutoModelForZeroShotImageClassification
from automodel_core.checkpoint import save_weights
from automodel_core.errors import InputError
from automodel_core.modeling import ImageTextOutput

Make = Callable[..., Any]
HEADS = (
    "CLIPModel",
    "CLIPTextModel",
    "CLIPTextModelWithProjection",
    "CLIPVisionModel",
    "CLIPVisionModelWithProjection",
    "CLIPForImageClassification",
)


@pytest.mark.parametrize("head", HEADS)
def test_names_are_unambiguous_and_a_save_loses_nothing(
    make: Make, head: str, tmp_path: Path
) -> None:
    model = make(head)
    model.weight_names(model.config).check(model.state_dict())
    model.save_pretrained(tmp_path)
    again, info = type(model).from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info.values())
    state = again.state_dict()
    assert all(torch.equal(state[name], tensor) for name, tensor in model.state_dict().items())


def test_a_text_is_pooled_at_its_first_end(make: Make, texts: Tensor) -> None:
    output = make("CLIPTextModel")(texts)
    rows = torch.arange(3)
    assert torch.equal(output.pooler_output, output.last_hidden_state[rows, [4, 2, 2]])
    # Files that say 2 never used it: there an end is the largest id of a text.
    older = make("CLIPTextModel", eos_token_id=2)(texts)
    assert torch.equal(older.pooler_output, older.last_hidden_state[rows, [0, 0, 0]])


def test_a_token_sees_those_before_it_and_no_padding(make: Make, texts: Tensor) -> None:
    model = make("CLIPTextModel")
    states = model(texts).last_hidden_state
    torch.testing.assert_close(model(texts[:, :3]).last_hidden_state, states[:, :3])
    mask = (torch.arange(5) > 0).long().expand(3, -1)
    changed = texts.clone()
    changed[:, 0] = 20
    found = [model(ids, attention_mask=mask).last_hidden_state for ids in (texts, changed)]
    torch.testing.assert_close(found[0][:, 1:], found[1][:, 1:])


def test_an_image_is_pooled_at_its_token_behind_a_norm(make: Make, images: Tensor) -> None:
    model = make("CLIPVisionModel")
    output = model(images, output_hidden_states=True)
    assert torch.equal(output.last_hidden_state, output.hidden_states[-1])
    pooled = model.norm(output.last_hidden_state[:, 0])
    assert torch.equal(output.pooler_output, pooled)


def test_scores_by_the_definition(make: Make, texts: Tensor, images: Tensor) -> None:
    model = make("CLIPModel")
    output = model(texts, images)
    assert isinstance(output, ImageTextOutput)
    vectors = [
        model.text_projection(output.text_model_output.pooler_output),
        model.visual_projection(output.vision_model_output.pooler_output),
    ]
    expected = F.cosine_similarity(vectors[0][:, None], vectors[1][None], dim=-1)
    torch.testing.assert_close(output.logits_per_text, expected * model.logit_scale.exp())
    assert torch.equal(output.logits_per_image, output.logits_per_text.t())
    assert output.loss is None


def test_features_are_tensors_and_on_request_whole_outputs(
    make: Make, texts: Tensor, images: Tensor
) -> None:
    model = make("CLIPModel")
    for features, given in (
        (model.get_text_features, texts),
        (model.get_image_features, images),
    ):
        vectors = features(given)
        assert vectors.shape == (len(given), 6)
        output = features(given, return_dict=True, output_hidden_states=True)
        assert torch.equal(output.pooler_output, vectors)
        assert len(output.hidden_states) == 3
        assert torch.equal(features(given, return_dict=False)[1], vectors)


def test_the_loss_needs_as_many_texts_as_images(make: Make, texts: Tensor, images: Tensor) -> None:
    model = make("CLIPModel")
    with pytest.raises(InputError, match="got 3 texts and 2 images"):
        model(texts, images, return_loss=True)
    scores = model(texts[:2], images).logits_per_text
    loss = model(texts[:2], images, return_loss=True).loss
    chances = [scores.softmax(dim).diagonal().log() for dim in (0, 1)]
    torch.testing.assert_close(loss, -torch.stack(chances).mean())


def test_what_is_missing_is_asked_for(make: Make, texts: Tensor, images: Tensor) -> None:
    with pytest.raises(InputError, match="give pixel_values"):
        make("CLIPModel")(texts)
    with pytest.raises(InputError, match="input_ids"):
        make("CLIPModel")(pixel_values=images)
    with pytest.raises(InputError, match="the end of a text"):
        make("CLIPTextModelWithProjection")()
    with pytest.raises(
        InputError, match="images are 8 x 12, and the model's image_size is 12 x 12"
    ):
        make("CLIPVisionModel")(images[:, :, :8])
    with pytest.raises(InputError, match="13 positions are more than"):
        make("CLIPTextModel")(torch.full((1, 13), 9))


def test_positions_between_the_learned_ones_are_interpolated(make: Make, images: Tensor) -> None:
    model = make("CLIPVisionModel", image_size=[8, 12])
    wide = torch.cat([images, images], dim=3)
    output = model(wide, interpolate_pos_encoding=True)
    assert output.last_hidden_state.shape == (2, 1 + 3 * 6, 16)
    with pytest.raises(InputError, match="interpolate_pos_encoding=True"):
        model(wide)


def test_a_part_loads_from_a_checkpoint_of_the_whole(
    make: Make, texts: Tensor, images: Tensor, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = make("CLIPModel")
    whole.save_pretrained(tmp_path)
    text, image = (kind.from_pretrained(tmp_path) for kind in (CLIPTextModel, CLIPVisionModel))
    assert not caplog.records
    output = whole(texts, images)
    assert torch.equal(text(texts)[0], output.text_model_output[0])
    assert torch.equal(image(images)[0], output.vision_model_output[0])
    scorer = AutoModelForZeroShotImageClassification.from_pretrained(tmp_path)
    assert type(scorer) is CLIPModel
    assert torch.equal(scorer(texts, images).logits_per_image, output.logits_per_image)


@pytest.mark.parametrize("kind", [CLIPTextModel, CLIPVisionModel])
def test_a_tower_alone_is_read_with_its_prefix_and_without(
    make: Make, kind: Any, tmp_path: Path
) -> None:
    model = make(kind.__name__)
    model.save_pretrained(tmp_path)
    state = load_file(tmp_path / "model.safetensors")
    prefix = f"{model.base_model_prefix}."
    assert all(name.startswith(prefix) for name in state)
    bare = {name.removeprefix(prefix): tensor for name, tensor in state.items()}
    # Old files hold the numbers of positions, too.
    bare["embeddings.position_ids"] = torch.arange(9)[None]
    save_weights(bare, tmp_path)
    again, info = AutoModel.from_pretrained(tmp_path, output_loading_info=True)
    assert type(again) is kind
    assert not any(info.values())
    assert torch.equal(again.norm.weight, model.norm.weight)


def test_a_classifier_takes_the_mean_of_the_patches(make: Make, images: Tensor) -> None:
    model = make("CLIPForImageClassification", num_labels=3)
    states = model.model(images).last_hidden_state[:, 1:]
    torch.testing.assert_close(model(images).logits, model.classifier(states.mean(dim=1)))
    assert not model.model.norm.weight.requires_grad
    none = make("CLIPForImageClassification", num_labels=0)
    assert none(images).logits.shape == (2, 16)


def test_attention_is_chosen_by_tower(make: Make, texts: Tensor, images: Tensor) -> None:
    model = make("CLIPModel")
    expected = model(texts, images).logits_per_text
    model.set_attn_implementation({"text_config": "eager"})
    assert model.config.text_config._attn_implementation == "eager"
    torch.testing.assert_close(model(texts, images).logits_per_text, expected)


def test_a_larger_vocabulary_is_the_text_towers(make: Make, texts: Tensor, images: Tensor) -> None:
    model = make("CLIPModel")
    expected = model(texts, images).logits_per_text
    table = model.resize_token_embeddings(60)
    assert table is model.get_input_embeddings()
    assert model.config.text_config.vocab_size == 60
    assert torch.equal(model(texts, images).logits_per_text, expected)
    assert model(texts + 9, images).logits_per_text.shape == (3, 2)


def test_first_values() -> None:
    torch.manual_seed(0)
    layers = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = CLIPConfig(
        text_config={**layers, "vocab_size": 99, "intermediate_size": 128},
        vision_config={**layers, "image_size": 32, "patch_size": 4, "intermediate_size": 128},
        logit_scale_init_value=1.5,
        initializer_factor=2.0,
    )
    model = CLIPModel(config)
    assert model.logit_scale.item() == 1.5
    assert model.text_projection.weight.std().item() == pytest.approx(2 * 64**-0.5, rel=0.1)
    layer = model.text_model.stack.layers[0]
    assert layer.self_attn.q_proj.weight.std().item() == pytest.approx(64**-0.5 / 2, rel=0.1)
    assert layer.mlp.up_proj.weight.std().item() == pytest.approx(128**-0.5, rel=0.1)
    assert model.vision_model.embed.class_token.std().item() == pytest.approx(1 / 8, rel=0.4)
