"""Swin and Swin V2 alone: names, images of any size, maps, hidden patches, first values."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import automodel_swin
from automodel_core import AutoBackbone, AutoImageProcessor
from automodel_core.errors import InputError
from automodel_core.testing import model_names

Make = Callable[..., Any]
SMALL = {
    "image_size": 16, "patch_size": 2, "embed_dim": 8, "depths": [2, 1], "num_heads": [2, 4],
    "window_size": 3, "mlp_ratio": 2.0, "drop_path_rate": 0.0, "encoder_stride": 4,
}  # fmt: skip


@pytest.fixture
def make() -> Make:
    """Return a function that builds a random model of a class by name, in evaluation mode."""

    def build(name: str, **settings: Any) -> Any:
        kind = getattr(automodel_swin, name)
        model = kind(kind.config_class(**{**SMALL, **settings})).eval()
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.normal_(0.0, 0.3, generator=generator)
        return model

    return build


@pytest.fixture
def images() -> Tensor:
    return torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("head", [*model_names("swin"), *model_names("swinv2")])
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
    block = "encoder.layers.0.blocks.1"
    names = set(make("SwinForMaskedImageModeling").hub_state_dict())
    assert names >= {
        "decoder.0.weight",
        "swin.embeddings.mask_token",
        "swin.embeddings.norm.weight",
        "swin.embeddings.patch_embeddings.projection.bias",
        f"swin.{block}.attention.self.query.weight",
        f"swin.{block}.attention.self.relative_position_bias_table",
        f"swin.{block}.attention.output.dense.weight",
        f"swin.{block}.intermediate.dense.bias",
        f"swin.{block}.layernorm_before.weight",
        "swin.encoder.layers.0.downsample.reduction.weight",
        "swin.layernorm.bias",
    }
    assert len(names) == 2 + 5 + 3 * 17 + 3 + 2
    second = set(make("Swinv2Model").hub_state_dict())
    assert second >= {
        f"{block}.attention.self.logit_scale",
        f"{block}.attention.self.continuous_position_bias_mlp.0.bias",
        f"{block}.attention.self.continuous_position_bias_mlp.2.weight",
    }
    assert f"{block}.attention.self.key.bias" not in second
    assert {"hidden_states_norms.stage2.bias", f"{block}.output.dense.bias"} <= set(
        make("SwinBackbone").hub_state_dict()
    )


@pytest.mark.parametrize("head", ["SwinForImageClassification", "Swinv2ForImageClassification"])
def test_what_windows_have_by_their_size_is_not_read(
    make: Make, head: str, images: Tensor, caplog: pytest.LogCaptureFixture
) -> None:
    model = make(head)
    prefix, state = model.base_model_prefix, model.hub_state_dict()
    for name in ("relative_position_index", "relative_coords_table"):
        state[f"{prefix}.encoder.layers.0.blocks.0.attention.self.{name}"] = torch.ones(2)
    again = type(model).from_pretrained(None, config=model.config, state_dict=state)
    assert torch.equal(again(images).logits, model(images).logits)
    assert not caplog.records


def test_names_that_a_newer_model_has_in_memory_are_read(make: Make, images: Tensor) -> None:
    newer = {
        "attention.self.query": "attention.q_proj",
        "attention.self.key": "attention.k_proj",
        "attention.self.value": "attention.v_proj",
        "attention.self.relative": "attention.relative_position_bias.relative",
        "attention.output.dense": "attention.o_proj",
        "intermediate.dense": "mlp.fc1",
        "output.dense": "mlp.fc2",
    }
    for name in ("SwinForImageClassification", "SwinBackbone"):
        model, state = make(name), {}
        for key, tensor in model.hub_state_dict().items():
            for hub, memory in newer.items():
                key = key.replace(hub, memory)
            inside = name == "SwinBackbone" and key.startswith("e")
            state[f"swin.{key}" if inside else key] = tensor
        again = type(model).from_pretrained(None, config=model.config, state_dict=state)
        found, expected = again(images), model(images)
        assert torch.equal(
            found[0][0] if inside or "Back" in name else found[0],
            expected[0][0] if "Back" in name else expected[0],
        )


@pytest.mark.parametrize("name", ["SwinModel", "Swinv2Model"])
@pytest.mark.parametrize("shape", [(16, 16), (15, 22), (4, 40), (2, 2)])
def test_images_of_any_size_are_seen(make: Make, name: str, shape: tuple[int, int]) -> None:
    model = make(name)
    output = model(torch.randn(2, 3, *shape), output_hidden_states=True)
    rows, columns = (math.ceil(edge / 2) for edge in shape)
    found = [tuple(states.shape[2:]) for states in output.reshaped_hidden_states]
    assert found == [(rows, columns), *[(math.ceil(rows / 2), math.ceil(columns / 2))] * 2]
    torch.testing.assert_close(output.pooler_output, output.last_hidden_state.mean(1))


def test_a_small_image_changes_nothing_for_those_behind_it(make: Make, images: Tensor) -> None:
    model = make("SwinModel", window_size=8)
    before = model(images).last_hidden_state
    model(images[..., :4, :6])
    assert torch.equal(model(images).last_hidden_state, before)


def test_stages_are_chosen_by_name_or_number(make: Make, images: Tensor, tmp_path: Path) -> None:
    make("SwinForImageClassification").save_pretrained(tmp_path)
    for chosen in ({"out_features": ["stem", "stage2"]}, {"out_indices": [0, -1]}):
        backbone = AutoBackbone.from_pretrained(tmp_path, **chosen)
        assert backbone.channels == [8, 16]
        maps = backbone(images).feature_maps
        assert [tuple(each.shape) for each in maps] == [(2, 8, 8, 8), (2, 16, 4, 4)]
        for each in maps:  # norms that have learned nothing yet
            torch.testing.assert_close(
                each.mean(1), torch.zeros_like(each[:, 0]), atol=1e-5, rtol=0
            )
    backbone.out_features = ["stage1"]
    assert backbone(images).feature_maps[0].shape == (2, 8, 8, 8)


@pytest.mark.parametrize("version", ["Swin", "Swinv2"])
def test_hidden_patches_are_not_seen(make: Make, images: Tensor, version: str) -> None:
    model = make(f"{version}ForMaskedImageModeling")
    hidden = torch.zeros(2, 64, dtype=torch.bool)
    hidden[:, 9] = True
    changed = images.clone()
    changed[..., 2:4, 2:4] += 1.0
    first, second = (model(each, bool_masked_pos=hidden) for each in (images, changed))
    assert torch.equal(first.reconstruction, second.reconstruction)
    assert not torch.equal(first.loss, second.loss)
    made_up = first.reconstruction - images
    torch.testing.assert_close(first.loss, made_up[..., 2:4, 2:4].abs().mean(), rtol=1e-4, atol=0)
    with pytest.raises(InputError, match=r"encoder_stride=8 must equal patch_size=2 times 2"):
        make(f"{version}ForMaskedImageModeling", encoder_stride=8)(images, bool_masked_pos=hidden)
    with pytest.raises(InputError, match="16 x 18 pixels have no loss"):
        model(torch.zeros(2, 3, 16, 18), bool_masked_pos=torch.zeros(2, 72).bool())


def test_images_that_are_no_squares_are_reconstructed(make: Make) -> None:
    model = make("SwinForMaskedImageModeling")
    images, hidden = torch.randn(1, 3, 8, 20), torch.ones(1, 40).bool()
    output = model(images, bool_masked_pos=hidden)
    assert output.reconstruction.shape == images.shape
    torch.testing.assert_close(output.loss, (output.reconstruction - images).abs().mean())


def test_learned_positions_fit_their_images_or_are_interpolated(make: Make, images: Tensor) -> None:
    for version in ("Swin", "Swinv2"):
        model = make(f"{version}Model", use_absolute_embeddings=True)
        assert model.embed.position_embeddings.shape == (1, 64, 8)
        same = model(images, interpolate_pos_encoding=True).last_hidden_state
        assert torch.equal(same, model(images).last_hidden_state)
        with pytest.raises(InputError, match="4 x 8 patches do not fit the 8 x 8 positions"):
            model(images[:, :, :8])
        assert model(images[:, :, :8], interpolate_pos_encoding=True)[0].shape == (2, 8, 16)


def test_first_values() -> None:
    torch.manual_seed(0)
    config = automodel_swin.Swinv2Config(**{**SMALL, "embed_dim": 32, "initializer_range": 0.05})
    layer = automodel_swin.Swinv2Model(config).stack.stages[0].layers[0]
    assert 0.045 < layer.mlp.up_proj.weight.std() < 0.055
    torch.testing.assert_close(
        layer.self_attn.q_norm.logit_scale.exp(), torch.full((2, 1, 1), 10.0)
    )
    first = automodel_swin.SwinModel(automodel_swin.SwinConfig(**SMALL))
    assert not first.stack.stages[0].layers[0].self_attn.position_scores.table.any()


def test_the_hubs_files_name_vits_processor(tmp_path: Path) -> None:
    keys = {
        "do_normalize": True, "do_resize": True, "feature_extractor_type": "ViTFeatureExtractor",
        "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225], "resample": 3,
        "size": 224,
    }  # fmt: skip
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(keys))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "swin"}))
    processor = AutoImageProcessor.from_pretrained(tmp_path)
    assert type(processor) is automodel_swin.ViTImageProcessor
    image = torch.arange(3 * 30 * 40).view(3, 30, 40).remainder(251).to(torch.uint8)
    assert processor(image, return_tensors="pt").pixel_values.shape == (1, 3, 224, 224)
