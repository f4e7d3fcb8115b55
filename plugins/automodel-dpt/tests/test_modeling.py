"""DPT and BiT alone: readouts, maps, heads, backbones, and convolutions by their definitions."""

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
from automodel_dpt import DPTConfig, DPTForSemanticSegmentation, DPTModel

Make = Callable[..., Any]
BACKBONE = {
    "model_type": "bit", "embedding_size": 8, "hidden_sizes": [16, 24, 32], "depths": [1, 1, 1],
    "num_groups": 4, "layer_type": "bottleneck", "out_features": ["stage1", "stage2", "stage3"],
    "global_padding": "same", "embedding_dynamic_padding": True,
}  # fmt: skip
HYBRID = {
    "is_hybrid": True, "backbone_config": BACKBONE, "image_size": 32, "patch_size": 16,
    "neck_hidden_sizes": [16, 24, 6, 8], "reassemble_factors": [1, 1, 1, 0.5],
    "backbone_out_indices": [0, 0, 0, 1],
}  # fmt: skip


@pytest.mark.parametrize("head", [*model_names("dpt"), *model_names("bit")])
def test_names_are_unambiguous_and_a_save_loses_nothing(
    make: Make, head: str, tmp_path: Path
) -> None:
    for settings in ({}, HYBRID) if head.startswith("DPT") else ({}, {"layer_type": "bottleneck"}):
        model = make(head, **settings)
        model.weight_names(model.config).check(model.state_dict())
        model.save_pretrained(tmp_path)
        again, info = type(model).from_pretrained(tmp_path, output_loading_info=True)
        assert not any(info.values())
        state = again.state_dict()
        assert all(torch.equal(state[name], value) for name, value in model.state_dict().items())


def test_the_names_on_disk_are_the_hubs(make: Make) -> None:
    settings = {"use_batch_norm_in_fusion_residual": True}
    assert set(make("DPTForSemanticSegmentation", **settings).hub_state_dict()) >= {
        "auxiliary_head.head.4.bias",
        "dpt.embeddings.patch_embeddings.projection.weight",
        "dpt.encoder.layer.1.attention.attention.query.weight",
        "dpt.encoder.layer.1.layernorm_after.weight",
        "dpt.layernorm.bias",
        "head.head.1.running_var",
        "neck.fusion_stage.layers.1.residual_layer2.batch_norm1.num_batches_tracked",
        "neck.reassemble_stage.readout_projects.1.0.weight",
    }
    names = set(make("DPTForDepthEstimation", **HYBRID).hub_state_dict())
    assert names >= {
        "dpt.embeddings.backbone.bit.encoder.stages.2.layers.0.downsample.conv.weight",
        "dpt.embeddings.projection.weight",
        "head.head.4.bias",
        "neck.reassemble_stage.readout_projects.2.0.weight",
    }
    assert not any("readout_projects.0" in name for name in names)


@pytest.mark.parametrize("readout", ["project", "add", "ignore"])
def test_how_patches_take_up_the_first_token(make: Make, readout: str) -> None:
    stage = make("DPTForDepthEstimation", readout_type=readout).neck.reassemble_stage
    states = torch.randn(2, 7, 16)
    token, patches = states[:, :1], states[:, 1:]
    if readout == "add":
        patches = patches + token
    elif readout == "project":
        project = stage.readout_projects[1][0]
        patches = F.gelu(project(torch.cat([patches, token.expand(-1, 6, -1)], dim=-1)))
    maps = patches.transpose(1, 2).reshape(2, 16, 2, 3)
    expected = stage.layers[1].projection(maps)
    torch.testing.assert_close(stage([states[:, :7], states], (2, 3))[1], expected)


def test_the_neck_reads_what_leaves_the_chosen_layers(make: Make, images: Tensor) -> None:
    model = make("DPTForDepthEstimation", num_hidden_layers=3, backbone_out_indices=[2, 0])
    seen = []
    model.neck.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    model(images)
    states = model.dpt(images, output_hidden_states=True).hidden_states
    for found, number in zip(seen[0], (1, 3), strict=True):
        torch.testing.assert_close(found, states[number])


def test_depths_of_images_of_any_shape(make: Make, tmp_path: Path) -> None:
    model = make("DPTForDepthEstimation", add_projection=True)
    model.save_pretrained(tmp_path)
    again = AutoModelForDepthEstimation.from_pretrained(tmp_path)
    depth = again(torch.randn(2, 3, 12, 24)).predicted_depth
    assert depth.shape == (2, 24, 48)
    assert depth.min() >= 0
    with pytest.raises(InputError, match="give pixel_values"):
        again()


def test_a_second_head_teaches_the_same_maps(make: Make, images: Tensor) -> None:
    labels = torch.arange(2 * 16 * 16).view(2, 16, 16) % 5
    labels[0] = 255
    settings = {"num_labels": 5, "auxiliary_loss_weight": 0.3}
    model = make("DPTForSemanticSegmentation", **settings)
    losses = {}
    for used in (True, False):
        model.auxiliary_head = model.auxiliary_head if used else None
        losses[used] = model(images, labels=labels).loss
    logits = model(images).logits
    assert logits.shape == (2, 5, 32, 32)
    resized = F.interpolate(logits, (16, 16), mode="bilinear")
    expected = F.cross_entropy(resized[1:], labels[1:])
    torch.testing.assert_close(losses[False], expected)
    assert losses[True] > losses[False]


def test_a_backbone_may_take_the_place_of_all_layers(make: Make) -> None:
    model = make("DPTForDepthEstimation", backbone_config=BACKBONE)
    assert model.base_model is model.backbone
    assert list(dict(model.named_children())) == ["backbone", "neck", "head"]
    assert "backbone.bit.encoder.stages.0.layers.0.conv1.weight" in model.hub_state_dict()


def test_first_values() -> None:
    torch.manual_seed(0)
    model = DPTModel(DPTConfig(hidden_size=48, num_attention_heads=4, num_hidden_layers=1))
    assert not model.embeddings.position_embeddings.any()
    assert 0.018 < model.embeddings.patch_embeddings.projection.weight.std() < 0.022
    hybrid = {**HYBRID, "hidden_size": 16, "num_attention_heads": 2, "num_hidden_layers": 1}
    head = DPTForSemanticSegmentation(DPTConfig(**hybrid, fusion_hidden_size=8))
    kernel = head.dpt.embeddings.backbone.model.embedder.convolution.weight
    assert abs(kernel.std().item() - (2 / (8 * 49)) ** 0.5) < 0.02
    assert (head.head.head[1].running_var == 1).all()


@pytest.mark.parametrize("layer_type", ["preactivation", "bottleneck"])
@pytest.mark.parametrize("padding", [None, "SAME"])
def test_a_layer_of_bit_by_its_definition(make: Make, layer_type: str, padding: str | None) -> None:
    model = make("BitModel", layer_type=layer_type, global_padding=padding)
    layer = model.encoder.stages[1].layers[0]  # the only kind that changes sizes

    def convolved(conv: Any, maps: Tensor, stride: int = 1) -> Tensor:
        flat = conv.weight.flatten(1)
        centred = flat - flat.mean(1, keepdim=True)
        weight = centred / (centred.square().mean(1, keepdim=True) + 1e-8).sqrt()
        kernel = conv.kernel_size[0]
        total = kernel - 1 if stride == 1 or padding is None else kernel - stride
        before = kernel // 2 if padding is None else total // 2
        sides = (before, max(total, 0) - before) if kernel > 1 else (0, 0)
        return F.conv2d(F.pad(maps, sides * 2), weight.view_as(conv.weight), stride=stride)

    def normed(norm: Any, maps: Tensor) -> Tensor:
        return F.group_norm(maps, 4, norm.weight, norm.bias)

    maps = torch.randn(2, 16, 10, 8)
    if layer_type == "preactivation":
        entering = normed(layer.norm1, maps).relu()
        states = convolved(layer.conv1, entering)
        states = convolved(layer.conv2, normed(layer.norm2, states).relu(), 2)
        states = convolved(layer.conv3, normed(layer.norm3, states).relu())
        expected = states + convolved(layer.downsample.conv, entering, 2)
    else:
        states = normed(layer.norm1, convolved(layer.conv1, maps)).relu()
        states = normed(layer.norm2, convolved(layer.conv2, states, 2)).relu()
        states = normed(layer.norm3, convolved(layer.conv3, states))
        shortcut = convolved(layer.downsample.conv, maps, 2)
        expected = (states + normed(layer.downsample.norm, shortcut)).relu()
    torch.testing.assert_close(layer(maps), expected)


def test_a_stage_that_would_be_too_small_is_dilated(make: Make, images: Tensor) -> None:
    model = make("BitBackbone", layer_type="bottleneck", output_stride=4, out_indices=[1, 2])
    first, second = model(images).feature_maps
    assert first.shape[2:] == second.shape[2:]
    assert [layer.conv2.dilation for layer in model.model.encoder.stages[1].layers] == [
        (1, 1),
        (2, 2),
    ]


def test_bit_is_a_backbone(make: Make, images: Tensor, tmp_path: Path) -> None:
    model = make("BitForImageClassification", num_labels=3)
    model.save_pretrained(tmp_path)
    backbone = AutoBackbone.from_pretrained(tmp_path, out_features=["stem", "stage2"])
    assert backbone.channels == [8, 24]
    states = model.base_model(images, output_hidden_states=True).hidden_states
    for found, expected in zip(backbone(images).feature_maps, states[::2], strict=True):
        torch.testing.assert_close(found, expected)
    with pytest.raises(InputError, match=r"must be \(batch, 3, height, width\)"):
        model(images[:, :1])
