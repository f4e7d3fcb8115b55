"""ResNet alone: sizes of maps, frozen and multiplied norms, strides that become dilations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from automodel_core import AutoBackbone, AutoModelForImageClassification, layers
from automodel_core.errors import ConfigurationError, InputError
from automodel_resnet import ResNetBackbone, ResNetConfig, ResNetForImageClassification, ResNetModel

SMALL = {"embedding_size": 8, "hidden_sizes": [8, 16, 32, 16], "depths": [1, 2, 2, 1]}
IMAGES = torch.randn(2, 3, 70, 52, generator=torch.Generator().manual_seed(0))


def drawn(kind: Any, **settings: Any) -> Any:
    torch.manual_seed(0)
    model = kind(ResNetConfig(**{**SMALL, **settings}))
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if name.endswith(("running_mean", "normalization.weight", "normalization.bias")):
                value.normal_(0.5, 0.3)
            elif name.endswith("running_var"):
                value.uniform_(0.5, 1.5)
    return model.eval()


def test_each_stage_halves_the_map() -> None:
    model = drawn(ResNetModel)
    with torch.no_grad():
        found = model(IMAGES, output_hidden_states=True)
    shapes = [tuple(each.shape[1:]) for each in found.hidden_states]
    assert shapes == [(8, 18, 13), (8, 18, 13), (16, 9, 7), (32, 5, 4), (16, 3, 2)]
    assert found.pooler_output.shape == (2, 16, 1, 1)


@pytest.mark.parametrize("act", ["relu", "gelu"])
def test_norms_are_multiplied_into_the_weights(act: str) -> None:
    model = drawn(ResNetModel, hidden_act=act)
    expected = model(IMAGES).last_hidden_state
    with torch.no_grad():
        torch.testing.assert_close(model(IMAGES).last_hidden_state, expected)
        layers.freeze_batch_norms(model)
        torch.testing.assert_close(model(IMAGES).last_hidden_state, expected)
        torch.testing.assert_close(model.train()(IMAGES).last_hidden_state, expected)
    torch.testing.assert_close(model(IMAGES).last_hidden_state, expected)
    assert not any("normalization" in name for name, _ in model.named_parameters())


@pytest.mark.parametrize("layer_type", ["basic", "bottleneck"])
def test_strides_become_dilations(layer_type: str) -> None:
    """The places that both have are the same: what is dilated only looks further."""
    wide, narrow = (
        drawn(ResNetModel, layer_type=layer_type, output_stride=stride) for stride in (16, 32)
    )
    wide.load_state_dict(narrow.state_dict())
    images = IMAGES[..., :64, :48]
    with torch.no_grad():
        dense = wide(images).last_hidden_state
        sparse = narrow(images).last_hidden_state
    assert dense.shape[-2:] == (4, 3)
    assert sparse.shape[-2:] == (2, 2)
    torch.testing.assert_close(dense[..., ::2, ::2], sparse)


def test_a_classifier_and_a_backbone_share_a_checkpoint(tmp_path: Path) -> None:
    model = drawn(ResNetForImageClassification, num_labels=3)
    model.save_pretrained(tmp_path)
    again = AutoModelForImageClassification.from_pretrained(tmp_path)
    assert torch.equal(again(IMAGES).logits, model(IMAGES).logits)
    backbone: Any = AutoBackbone.from_pretrained(tmp_path, out_indices=[0, 3])
    assert type(backbone) is ResNetBackbone
    assert backbone.channels == [8, 32]
    maps = backbone(IMAGES).feature_maps
    expected = model.base_model(IMAGES, output_hidden_states=True).hidden_states
    assert torch.equal(maps[0], expected[0])
    assert torch.equal(maps[1], expected[3])


def test_what_cannot_be() -> None:
    with pytest.raises(InputError, match=r"must be \(batch, 3, height, width\)"):
        drawn(ResNetModel)(IMAGES[:, :1])
    with pytest.raises(InputError, match="give pixel_values"):
        drawn(ResNetModel)()
    with pytest.raises(ConfigurationError, match="one number for each stage"):
        ResNetConfig(depths=[1, 2])
    with pytest.raises(ConfigurationError, match="multiples of 4"):
        ResNetConfig(**{**SMALL, "hidden_sizes": [8, 16, 30, 16]})
    with pytest.raises(ConfigurationError, match="layer_type"):
        ResNetConfig(layer_type="wide")
