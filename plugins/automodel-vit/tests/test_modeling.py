"""ViT and DeiT alone: against torch's own layers, on disk and back, of any shape, trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core import AutoModel, AutoModelForImageClassification
from automodel_core.errors import InputError
from automodel_core.testing import model_names
from automodel_vit import ViTConfig, ViTForImageClassification, ViTForMaskedImageModeling, ViTModel

Make = Callable[..., Any]
HEADS = (
    *model_names("vit"),
    *model_names("deit"),
    "DeiTForImageClassificationWithTeacher",
)


def patches_of(images: Tensor, model: Any) -> Tensor:
    """Return what each patch becomes, by the definition: a product of its numbers."""
    projection = model.embed.patches.projection
    height, width = projection.kernel_size
    columns = F.unfold(images, (height, width), stride=(height, width)).transpose(1, 2)
    return F.linear(columns, projection.weight.flatten(1), projection.bias)


@pytest.mark.parametrize("qkv_bias", [True, False])
def test_a_layer_is_torchs_pre_norm_layer(make: Make, images: Tensor, qkv_bias: bool) -> None:
    model = make("ViTModel", qkv_bias=qkv_bias)
    states = patches_of(images, model)
    states = torch.cat([model.embed.cls_token.expand(2, -1, -1), states], dim=1)
    states = states + model.embed.position_embeddings
    for layer in model.stack.layers:
        one = nn.TransformerEncoderLayer(
            16, 2, 24, 0.0, "gelu", layer_norm_eps=1e-12, batch_first=True, norm_first=True
        )
        attention = layer.self_attn
        parts = (attention.q_proj, attention.k_proj, attention.v_proj)
        biases = [torch.zeros(16) if part.bias is None else part.bias for part in parts]
        one.load_state_dict(
            {
                "self_attn.in_proj_weight": torch.cat([part.weight for part in parts]),
                "self_attn.in_proj_bias": torch.cat(biases),
                "self_attn.out_proj.weight": attention.o_proj.weight,
                "self_attn.out_proj.bias": attention.o_proj.bias,
                "linear1.weight": layer.mlp.up_proj.weight,
                "linear1.bias": layer.mlp.up_proj.bias,
                "linear2.weight": layer.mlp.down_proj.weight,
                "linear2.bias": layer.mlp.down_proj.bias,
                "norm1.weight": layer.self_attn_norm.weight,
                "norm1.bias": layer.self_attn_norm.bias,
                "norm2.weight": layer.mlp_norm.weight,
                "norm2.bias": layer.mlp_norm.bias,
            }
        )
        states = one.train()(states)
    output = model(images, output_hidden_states=True)
    torch.testing.assert_close(output.hidden_states[-1], states)
    torch.testing.assert_close(output.last_hidden_state, model.norm(states))
    pooled = torch.tanh(model.pooler.dense(model.norm(states)[:, 0]))
    torch.testing.assert_close(output.pooler_output, pooled)


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
    names = set(make("ViTForMaskedImageModeling").hub_state_dict())
    assert names >= {
        "decoder.0.weight",
        "vit.embeddings.cls_token",
        "vit.embeddings.mask_token",
        "vit.embeddings.patch_embeddings.projection.weight",
        "vit.embeddings.position_embeddings",
        "vit.encoder.layer.1.attention.attention.query.weight",
        "vit.encoder.layer.1.attention.output.dense.bias",
        "vit.encoder.layer.1.intermediate.dense.weight",
        "vit.encoder.layer.1.layernorm_after.weight",
        "vit.encoder.layer.1.output.dense.weight",
        "vit.layernorm.bias",
    }
    assert len(names) == 9 + 2 * 16
    assert "pooler.dense.weight" in make("ViTModel").hub_state_dict()
    assert (
        "deit.embeddings.distillation_token" in make("DeiTForImageClassification").hub_state_dict()
    )


def test_names_that_a_newer_model_has_in_memory_are_read(make: Make, images: Tensor) -> None:
    model = make("ViTForImageClassification")
    newer = {
        "attention.attention.query": "attention.q_proj",
        "attention.attention.key": "attention.k_proj",
        "attention.attention.value": "attention.v_proj",
        "attention.output.dense": "attention.o_proj",
        "intermediate.dense": "mlp.fc1",
        "output.dense": "mlp.fc2",
        "encoder.layer": "layers",
    }
    state = {}
    for name, tensor in model.hub_state_dict().items():
        for hub, memory in newer.items():
            name = name.replace(hub, memory)
        state[name] = tensor
    again = ViTForImageClassification.from_pretrained(None, config=model.config, state_dict=state)
    assert torch.equal(again(images).logits, model(images).logits)


def test_a_body_without_a_pooler_and_a_head_share_a_checkpoint(
    make: Make, images: Tensor, tmp_path: Path
) -> None:
    head = make("ViTForImageClassification", num_labels=3)
    head.save_pretrained(tmp_path)
    body = AutoModel.from_pretrained(tmp_path, add_pooling_layer=False)
    assert type(body) is ViTModel
    assert torch.equal(body(images).last_hidden_state, head.base_model(images).last_hidden_state)
    again = AutoModelForImageClassification.from_pretrained(tmp_path)
    assert again(images).logits.shape == (2, 3)


@pytest.mark.parametrize("model_type", ["ViT", "DeiT"])
def test_positions_between_the_learned_ones_are_interpolated(make: Make, model_type: str) -> None:
    model = make(f"{model_type}Model", image_size=[8, 12])
    leading = len(model.config.leading_tokens)
    seen = []
    model.embed.patches.register_forward_hook(lambda module, given, found: torch.zeros_like(found))
    model.stack.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    model(torch.zeros(1, 3, 16, 20), interpolate_pos_encoding=True)
    positions = model.embed.position_embeddings[0]
    found = seen[0][0]
    assert found.shape == (leading + 4 * 5, 16)
    for index, name in enumerate(model.config.leading_tokens):
        torch.testing.assert_close(
            found[index], getattr(model.embed, name)[0, 0] + positions[index]
        )
    grid = positions[leading:].view(2, 3, 16).permute(2, 0, 1)
    expected = F.interpolate(grid[None], (4, 5), mode="bicubic")[0].flatten(1).t()
    torch.testing.assert_close(found[leading:], expected)


def test_images_of_another_size_are_refused(make: Make) -> None:
    model = make("ViTModel")
    with pytest.raises(InputError, match="16 x 12 do not fit the model's image_size, 12 x 12"):
        model(torch.zeros(1, 3, 16, 12))
    with pytest.raises(ValueError, match=r"must be \(batch, 3, height, width\)"):
        model(torch.zeros(1, 1, 12, 12))
    with pytest.raises(InputError, match="give pixel_values"):
        model()


@pytest.mark.parametrize("model_type", ["ViT", "DeiT"])
@pytest.mark.parametrize("shape", [(12, 12), (8, 20), (4, 4)])
def test_reconstructed_pixels_lie_where_their_patches_do(
    make: Make, model_type: str, shape: tuple[int, int]
) -> None:
    model = make(f"{model_type}ForMaskedImageModeling", image_size=list(shape))
    images = torch.randn(2, 3, *shape)
    seen = []
    model.decoder.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    output = model(images)
    states = model.base_model(images).last_hidden_state
    leading = len(model.config.leading_tokens)
    rows, columns = shape[0] // 4, shape[1] // 4
    assert output.reconstruction.shape == images.shape
    for row in range(rows):
        for column in range(columns):
            patch = states[:, leading + row * columns + column]
            torch.testing.assert_close(seen[0][:, :, row, column], patch)
    hidden = torch.zeros(2, rows * columns, dtype=torch.bool)
    hidden[:, -1] = True
    loss = model(images, bool_masked_pos=hidden).loss
    made_up = model(images, bool_masked_pos=hidden).reconstruction
    corner = (made_up - images)[..., -4:, -4:].abs().mean()
    torch.testing.assert_close(loss, corner, rtol=1e-4, atol=1e-6)


def test_hidden_patches_are_not_seen(make: Make, images: Tensor) -> None:
    model = make("ViTForMaskedImageModeling")
    hidden = torch.zeros(2, 9, dtype=torch.bool)
    hidden[:, 4] = True
    changed = images.clone()
    changed[..., 4:8, 4:8] += 1.0
    first, second = (model(each, bool_masked_pos=hidden) for each in (images, changed))
    assert torch.equal(first.reconstruction, second.reconstruction)
    assert not torch.equal(first.loss, second.loss)
    with pytest.raises(InputError, match="use_mask_token=True"):
        make("ViTModel")(images, bool_masked_pos=hidden)
    with pytest.raises(InputError, match="encoder_stride=8 must equal patch_size=4"):
        make("ViTForMaskedImageModeling", encoder_stride=8)(images, bool_masked_pos=hidden)


@pytest.mark.parametrize("shape", [(2, 8), (1, 9), (3, 9), (9,), (2, 3, 3)])
def test_a_mask_of_patches_has_one_for_each(
    make: Make, images: Tensor, shape: tuple[int, ...]
) -> None:
    with pytest.raises(InputError, match=r"bool_masked_pos has shape .*expected \(2, 9\)"):
        make("ViTForMaskedImageModeling")(images, bool_masked_pos=torch.zeros(shape).bool())


def test_both_tokens_of_deit_vote(make: Make, images: Tensor) -> None:
    output = make("DeiTForImageClassificationWithTeacher", num_labels=3)(images)
    torch.testing.assert_close(output.logits, (output.cls_logits + output.distillation_logits) / 2)
    assert not torch.allclose(output.cls_logits, output.distillation_logits)


def test_without_labels_the_states_are_the_scores(make: Make, images: Tensor) -> None:
    model = make("ViTForImageClassification", num_labels=0)
    assert torch.equal(model(images).logits, model.base_model(images).last_hidden_state[:, 0])


def test_first_values() -> None:
    torch.manual_seed(0)
    config = ViTConfig(hidden_size=48, image_size=32, patch_size=4, initializer_range=0.05)
    model = ViTForMaskedImageModeling(config)
    embed = model.base_model.embed
    assert 0.045 < embed.position_embeddings.std() < 0.055
    assert 0.03 < embed.cls_token.std() < 0.07
    assert 0.045 < embed.patches.projection.weight.std() < 0.055
    assert not embed.mask_token.any()
    assert not model.decoder[0].bias.any()
    assert model.base_model.norm.weight.eq(1).all()


def test_a_model_is_built_without_memory() -> None:
    with torch.device("meta"):
        model = ViTModel(ViTConfig(hidden_size=8192, num_attention_heads=64))
    assert all(parameter.is_meta for parameter in model.parameters())
    assert not list(model.buffers())


def test_there_is_no_vocabulary(make: Make) -> None:
    model = make("ViTModel")
    assert model.get_input_embeddings() is model.embed.patches
    with pytest.raises(InputError, match="no token embeddings"):
        model.resize_token_embeddings(5)
