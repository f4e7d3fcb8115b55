"""ViT and DeiT equal the reference: numbers, gradients, files."""

from __future__ import annotations

import pytest
import torch
import transformers

import automodel_vit
from parity.vit.cases import DEIT, SMALL, VIT, VIT_RECTANGLES
from support.reference import assert_close, assert_same_outputs
from support.vision import ImageParity


class TestViT(ImageParity):
    family = VIT


class TestViTOfRectangles(ImageParity):
    family = VIT_RECTANGLES


class TestDeiT(ImageParity):
    family = DEIT


@torch.no_grad()
def test_a_body_with_a_mask_equals_the_reference() -> None:
    config = transformers.ViTConfig(**SMALL)
    reference = transformers.ViTModel(config, use_mask_token=True).eval()
    for parameter in reference.parameters():
        parameter.normal_(0.0, 0.25)
    model = automodel_vit.ViTModel.from_pretrained(
        None,
        config=automodel_vit.ViTConfig(**SMALL),
        state_dict=reference.state_dict(),
        use_mask_token=True,
    )
    pixels = torch.randn(2, 3, 16, 16)
    hidden = torch.rand(2, 16) < 0.5
    assert_same_outputs(
        model(pixels, bool_masked_pos=hidden), reference(pixels, bool_masked_pos=hidden)
    )
    assert not torch.allclose(model(pixels)[0], model(pixels, bool_masked_pos=hidden)[0])


@pytest.mark.parametrize("pixels", [(24, 16), (8, 32), (20, 28), (16, 20)])
@torch.no_grad()
def test_square_positions_fit_images_of_any_shape(pixels: tuple[int, int]) -> None:
    reference, model = VIT.pair(VIT.cases["plain"], "ViTModel")
    images = torch.randn(2, 3, *pixels)
    found = model(images, interpolate_pos_encoding=True)
    assert_close(found[0], reference(images, interpolate_pos_encoding=True)[0])


@torch.no_grad()
def test_a_mask_of_patches_is_the_references_in_5() -> None:
    reference, model = VIT.pair(VIT.cases["plain"], "ViTModel")
    images, mask = torch.randn(2, 3, 16, 16), torch.ones(2, 17, dtype=torch.long)
    mask[1, 9:] = 0
    found = model(images, attention_mask=mask)[0]
    if "attention_mask" in type(reference).forward.__code__.co_varnames:
        assert_close(found, reference(images, attention_mask=mask)[0])
    # Where the reference takes no mask, what is hidden must not matter.
    images[1, :, 8:] = 9.0
    changed = model(images, attention_mask=mask)[0]
    assert_close(changed[1, :9], found[1, :9])
