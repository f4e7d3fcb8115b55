"""Donut's encoder alone: stages, names, images of any size, training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import automodel_donut
from automodel_core import AutoModel
from automodel_core.errors import InputError
from automodel_donut import DonutSwinConfig

Make = Callable[..., Any]
SMALL = {
    "image_size": [16, 24], "patch_size": 4, "embed_dim": 8, "depths": [2, 1], "num_heads": [2, 4],
    "window_size": 2, "mlp_ratio": 2.0, "drop_path_rate": 0.0,
}  # fmt: skip


@pytest.fixture
def make() -> Make:
    """Return a function that builds a random model of a class by name, in evaluation mode."""

    def build(name: str, **settings: Any) -> Any:
        model = getattr(automodel_donut, name)(DonutSwinConfig(**{**SMALL, **settings})).eval()
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.normal_(0.0, 0.3, generator=generator)
        return model

    return build


@pytest.fixture
def images() -> Tensor:
    return torch.randn(2, 3, 16, 24, generator=torch.Generator().manual_seed(1))


def test_patches_see_their_window_and_merge_into_fours(make: Make, images: Tensor) -> None:
    model = make("DonutSwinModel", depths=[1, 1])
    output = model(images, output_hidden_states=True, output_attentions=True)
    assert [tuple(s.shape) for s in output.hidden_states] == [(2, 24, 8), (2, 6, 16), (2, 6, 16)]
    assert [tuple(s.shape[2:]) for s in output.reshaped_hidden_states] == [(4, 6), (2, 3), (2, 3)]
    assert [tuple(w.shape) for w in output.attentions] == [(2 * 6, 2, 4, 4), (2 * 2, 4, 4, 4)]
    torch.testing.assert_close(output.pooler_output, output.last_hidden_state.mean(dim=1))
    changed = images.clone()
    changed[..., :4, :4] += 1.0
    stage = model.stack.stages[0]
    windows = stage.windows(model.embed(images), True)[0]
    states = stage.layers[0](model.embed(images), windows, False)[0]
    others = stage.layers[0](model.embed(changed), windows, False)[0]
    touched = (states != others).any(-1)[0]
    assert touched.nonzero().tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]


def test_every_other_layer_looks_over_the_edges_of_windows(make: Make, images: Tensor) -> None:
    model = make("DonutSwinModel", window_size=3)
    layers = model.stack.stages[0].layers
    states = torch.randn(1, 6, 6, 8)
    windows = model.stack.stages[0].windows(states, True)
    assert [cut.shift for cut in windows] == [0, 1]
    changed = states.clone()
    changed[0, 3, 3] = torch.randn(8)
    for layer, cut, expected in zip(layers, windows, ({3, 4, 5}, {1, 2, 3}), strict=True):
        found, other = (layer(each, cut, False)[0] for each in (states, changed))
        touched = (found != other).any(-1)[0].nonzero()
        assert set(touched[:, 0].tolist()) == set(touched[:, 1].tolist()) == expected


def test_names_are_unambiguous_and_a_save_loses_nothing(make: Make, tmp_path: Path) -> None:
    for name in ("DonutSwinModel", "DonutSwinForImageClassification"):
        model = make(name)
        model.weight_names(model.config).check(model.state_dict())
        model.save_pretrained(tmp_path / name)
        again, info = type(model).from_pretrained(tmp_path / name, output_loading_info=True)
        assert not any(info.values())
        state = again.state_dict()
        assert all(torch.equal(state[key], value) for key, value in model.state_dict().items())
    body = AutoModel.from_pretrained(tmp_path / "DonutSwinForImageClassification")
    assert type(body).__name__ == "DonutSwinModel"


def test_the_names_on_disk_are_the_hubs(make: Make) -> None:
    names = set(make("DonutSwinForImageClassification").hub_state_dict())
    assert names >= {
        "classifier.weight",
        "donut.embeddings.norm.weight",
        "donut.embeddings.patch_embeddings.projection.bias",
        "donut.encoder.layers.0.blocks.1.attention.self.query.weight",
        "donut.encoder.layers.0.blocks.1.attention.self.relative_position_bias_table",
        "donut.encoder.layers.0.blocks.1.attention.self.relative_position_index",
        "donut.encoder.layers.0.blocks.1.attention.output.dense.weight",
        "donut.encoder.layers.0.blocks.1.intermediate.dense.bias",
        "donut.encoder.layers.0.blocks.1.layernorm_before.weight",
        "donut.encoder.layers.0.downsample.reduction.weight",
        "donut.encoder.layers.1.blocks.0.output.dense.weight",
    }
    assert len(names) == 2 + 4 + 3 * 18 + 3


@pytest.mark.parametrize("shape", [(16, 24), (17, 22), (8, 40), (4, 4)])
def test_images_of_any_size_are_seen(make: Make, shape: tuple[int, int]) -> None:
    model = make("DonutSwinModel")
    images = torch.randn(1, 3, *shape)
    whole = F.pad(images, (0, -shape[1] % 4, 0, -shape[0] % 4))
    found = model(images)
    assert torch.equal(found.last_hidden_state, model(whole).last_hidden_state)
    ignored = model(images, interpolate_pos_encoding=True)
    assert torch.equal(ignored.last_hidden_state, found.last_hidden_state)


def test_without_a_pooler_and_without_pixels(make: Make, images: Tensor) -> None:
    config = DonutSwinConfig(**SMALL)
    model = automodel_donut.DonutSwinModel(config, add_pooling_layer=False)
    assert model(images).pooler_output is None
    with pytest.raises(InputError, match="give pixel_values"):
        model()


def test_first_values() -> None:
    torch.manual_seed(0)
    settings = {**SMALL, "embed_dim": 32, "num_heads": [2, 2], "initializer_range": 0.05}
    model = automodel_donut.DonutSwinModel(DonutSwinConfig(**settings))
    layer = model.stack.stages[0].layers[0]
    assert 0.045 < layer.mlp.up_proj.weight.std() < 0.055
    assert not layer.self_attn.position_scores.table.any()
    assert model.embed.norm.weight.eq(1).all()
