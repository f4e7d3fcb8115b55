"""DINOv2 and Depth Anything equal the reference: numbers, gradients, files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers

import automodel_dinov2
from automodel_core import AutoBackbone
from parity.dinov2.cases import DEPTH_ANYTHING, DINOV2, SMALL, WITH_REGISTERS
from support.family import settled
from support.reference import assert_close, assert_same_outputs
from support.vision import ImageParity


class TestDinov2(ImageParity):
    family = DINOV2


class TestDinov2WithRegisters(ImageParity):
    family = WITH_REGISTERS


class TestDepthAnything(ImageParity):
    family = DEPTH_ANYTHING
    untested_keys = ("backbone_config",)
    # The body has no class of its own here, and the reference none at all.
    test_a_body_loads_into_a_head_and_back = None


@torch.no_grad()
def test_gated_layers_equal_the_reference(tmp_path: Path) -> None:
    """By files: in memory, the newer reference has two layers where files have one."""
    settings = {**SMALL, "use_swiglu_ffn": True, "hidden_size": 36}
    kind = transformers.Dinov2ForImageClassification
    reference: Any = settled(kind(transformers.Dinov2Config(**settings)))
    reference.save_pretrained(tmp_path / "theirs")
    ours = automodel_dinov2.Dinov2ForImageClassification
    model = ours.from_pretrained(tmp_path / "theirs")
    model.save_pretrained(tmp_path / "ours")
    images = torch.randn(2, 3, 16, 16)
    expected = reference(images, output_hidden_states=True)
    assert_same_outputs(model(images, output_hidden_states=True), expected)
    back = kind.from_pretrained(tmp_path / "ours")
    assert_close(back(images).logits, expected.logits)


@torch.no_grad()
def test_hidden_patches_and_masks_equal_the_reference() -> None:
    reference, model = DINOV2.pair(DINOV2.cases["plain"], "Dinov2Model")
    images = torch.randn(2, 3, 16, 16)
    hidden = torch.rand(2, 16) < 0.5
    assert_same_outputs(
        model(images, bool_masked_pos=hidden), reference(images, bool_masked_pos=hidden)
    )
    mask = torch.ones(2, 17, dtype=torch.long)
    mask[1, 9:] = 0
    found = model(images, attention_mask=mask)[0]
    if "attention_mask" in type(reference).forward.__code__.co_varnames:
        assert_close(found, reference(images, attention_mask=mask)[0])


@torch.no_grad()
def test_maps_of_a_classifiers_checkpoint(tmp_path: Path) -> None:
    reference = DINOV2.reference(DINOV2.cases["plain"], "Dinov2ForImageClassification")
    reference.save_pretrained(tmp_path)
    images = torch.randn(2, 3, 16, 24)
    for chosen in ({"out_indices": (0, 2)}, {"out_features": ["stage3"]}, {"out_indices": [-1]}):
        found = AutoBackbone.from_pretrained(tmp_path, **chosen)
        # The reference's Auto class looks for folders on the hub.
        expected = transformers.Dinov2Backbone.from_pretrained(tmp_path, **chosen)
        assert found.out_features == expected.out_features
        assert list(found.out_indices) == list(expected.out_indices)
        assert found.channels == expected.channels
        assert_same_outputs(found(images), expected(images))
