"""DINOv2 and Depth Anything alone: what they add to layers, positions, maps, and depths."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from automodel_core import AutoBackbone, AutoModelForDepthEstimation
from automodel_core.errors import InputError
from automodel_core.testing import model_names
from automodel_dinov2 import Dinov2Config, Dinov2Model

Make = Callable[..., Any]
HEADS = (
    *model_names("dinov2"),
    *model_names("dinov2_with_registers"),
    *model_names("depth_anything"),
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


def test_the_names_on_disk_are_the_hubs(make: Make) -> None:
    names = set(make("Dinov2ForImageClassification", use_swiglu_ffn=True).hub_state_dict())
    assert names >= {
        "classifier.weight",
        "dinov2.embeddings.cls_token",
        "dinov2.embeddings.mask_token",
        "dinov2.embeddings.patch_embeddings.projection.weight",
        "dinov2.encoder.layer.1.attention.attention.query.weight",
        "dinov2.encoder.layer.1.attention.output.dense.bias",
        "dinov2.encoder.layer.1.layer_scale1.lambda1",
        "dinov2.encoder.layer.1.mlp.weights_in.weight",
        "dinov2.encoder.layer.1.norm2.weight",
        "dinov2.layernorm.bias",
    }
    names = set(make("DepthAnythingForDepthEstimation").hub_state_dict())
    assert names >= {
        "backbone.encoder.layer.1.mlp.fc1.weight",
        "backbone.layernorm.bias",
        "head.conv3.bias",
        "neck.convs.1.weight",
        "neck.fusion_stage.layers.0.residual_layer1.convolution1.weight",
        "neck.fusion_stage.layers.1.projection.bias",
        "neck.reassemble_stage.layers.0.resize.weight",
    }


def test_what_a_layer_adds_is_scaled_feature_by_feature(make: Make, images: Tensor) -> None:
    model = make("Dinov2Model", num_hidden_layers=1)
    layer = model.stack.layers[0]
    plain = model(images, output_hidden_states=True).hidden_states
    with torch.no_grad():
        layer.self_attn_scale.zero_()
        layer.mlp_scale.zero_()
    entered, left = model(images, output_hidden_states=True).hidden_states
    assert torch.equal(left, entered)
    with torch.no_grad():
        layer.self_attn_scale[3] = 1.0
    left = model(images, output_hidden_states=True).hidden_states[1]
    changed = (left != entered).any(dim=(0, 1))
    assert changed.nonzero().tolist() == [[3]]
    assert not torch.equal(plain[1], left)


def test_layers_are_left_out_of_rows_in_training(make: Make) -> None:
    model = make("Dinov2Model", num_hidden_layers=1, drop_path_rate=0.5)
    rows = torch.randn(1, 3, 12, 12).expand(64, -1, -1, -1)
    torch.manual_seed(0)
    states = model.train()(rows).last_hidden_state[:, 0, 0].round(decimals=3)
    assert len(states.unique()) == 4  # each of both parts is there or not
    assert len(model.eval()(rows).last_hidden_state[:, 0, 0].round(decimals=3).unique()) == 1


def test_maps_are_the_normalised_states_of_patches(make: Make) -> None:
    model = make("Dinov2Backbone", out_features=["stem", "stage2"])
    pixels = torch.randn(2, 3, 8, 20)
    output = model(pixels, output_hidden_states=True)
    for found, states in zip(output.feature_maps, output.hidden_states[::2], strict=True):
        expected = model.norm(states)[:, 1:].transpose(1, 2).view(2, 16, 2, 5)
        torch.testing.assert_close(found, expected)
    kept = model(pixels)
    assert kept.hidden_states is None
    assert torch.equal(kept.feature_maps[1], output.feature_maps[1])


def test_a_body_and_a_classifier_are_backbones(make: Make, images: Tensor, tmp_path: Path) -> None:
    for name in ("Dinov2Model", "Dinov2ForImageClassification"):
        model = make(name)
        model.save_pretrained(tmp_path / name)
        backbone = AutoBackbone.from_pretrained(tmp_path / name, out_indices=[1, 2])
        states = model.base_model(images).last_hidden_state[:, 1:]
        found = backbone(images).feature_maps[1].flatten(2).transpose(1, 2)
        torch.testing.assert_close(found, states)


def test_depths_have_the_size_of_whole_patches(make: Make, tmp_path: Path) -> None:
    model = make("DepthAnythingForDepthEstimation")
    model.save_pretrained(tmp_path)
    again = AutoModelForDepthEstimation.from_pretrained(tmp_path)
    pixels = torch.randn(2, 3, 21, 14)
    depth = again(pixels).predicted_depth
    assert depth.shape == (2, 20, 12)
    assert depth.min() >= 0
    torch.testing.assert_close(depth, model(pixels[..., :20, :12]).predicted_depth)
    metric = make("DepthAnythingForDepthEstimation", depth_estimation_type="metric", max_depth=8)
    assert metric(pixels).predicted_depth.min() > 0
    assert metric(pixels).predicted_depth.max() < 8


def test_a_backbone_that_gives_maps_serves_too(make: Make, images: Tensor) -> None:
    model = make("DepthAnythingForDepthEstimation")
    expected = model(images).predicted_depth
    model.backbone.config.reshape_hidden_states = True
    torch.testing.assert_close(model(images).predicted_depth, expected)
    model.backbone.out_indices = [2]
    with pytest.raises(InputError, match="1 maps were given for 2 neck_hidden_sizes"):
        model(images)


def test_a_projection_before_the_enlargement_changes_nothing(make: Make) -> None:
    fusion = make("DepthAnythingForDepthEstimation").neck.fusion_stage.layers[1]
    maps = torch.randn(2, 8, 3, 5)
    found = fusion(maps, None, (6, 10))
    refined = fusion.residual_layer2(maps)
    wide = F.interpolate(refined, (6, 10), mode="bilinear", align_corners=True)
    torch.testing.assert_close(found, fusion.projection(wide))


def test_registers_stand_between_the_first_token_and_the_patches(
    make: Make, images: Tensor
) -> None:
    model = make("Dinov2WithRegistersModel", num_register_tokens=3)
    seen = []
    model.stack.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    model(images)
    assert seen[0].shape == (2, 1 + 3 + 9, 16)
    torch.testing.assert_close(seen[0][1, 1:4], model.embed.register_tokens[0])
    backbone = make("Dinov2WithRegistersBackbone", num_register_tokens=3)
    states = backbone(images, output_hidden_states=True).hidden_states[-1]
    expected = backbone.norm(states)[:, 4:].transpose(1, 2).view(2, 16, 3, 3)
    torch.testing.assert_close(backbone(images).feature_maps[0], expected)


def test_hidden_patches_are_not_seen(make: Make, images: Tensor) -> None:
    model = make("Dinov2Model")
    hidden = torch.zeros(2, 9, dtype=torch.bool)
    hidden[:, 4] = True
    changed = images.clone()
    changed[..., 4:8, 4:8] += 1.0
    first, second = (model(each, bool_masked_pos=hidden)[0] for each in (images, changed))
    assert torch.equal(first, second)
    with pytest.raises(InputError, match="use_mask_token=True"):
        make("Dinov2Model", use_mask_token=False)(images, bool_masked_pos=hidden)
    with pytest.raises(InputError, match=r"expected \(2, 9\)"):
        model(images, bool_masked_pos=hidden[:, :8])
    with pytest.raises(InputError, match="give pixel_values"):
        model()


def test_first_values() -> None:
    torch.manual_seed(0)
    config = Dinov2Config(
        hidden_size=48, num_attention_heads=4, image_size=56, patch_size=4, layerscale_value=0.1,
        initializer_range=0.05, num_hidden_layers=1,
    )  # fmt: skip
    model = Dinov2Model(config)
    assert 0.045 < model.embed.position_embeddings.std() < 0.055
    assert 0.045 < model.embed.patches.projection.weight.std() < 0.055
    assert not model.embed.mask_token.any()
    assert (model.stack.layers[0].mlp_scale == 0.1).all()
