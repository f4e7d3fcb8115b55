"""Swin2SR equals the reference: numbers, gradients, files."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import automodel_swin2sr
from parity.swin2sr.cases import SWIN2SR, repaired
from support.reference import assert_close, assert_same_outputs
from support.vision import ImageParity


class TestSwin2SR(ImageParity):
    family = SWIN2SR

    def revived(self, reference: Any) -> Any:
        if type(reference).__name__ == "Swin2SRForImageSuperResolution":
            return repaired(reference)
        return reference

    def halved(self, given: dict[str, Any]) -> dict[str, Any]:
        return {**given, "pixel_values": given["pixel_values"].bfloat16()}


@torch.no_grad()
def test_images_are_mirrored_to_whole_windows() -> None:
    """The reference pads them too, and then fails at their states, which are more than pixels."""
    for name in ("plain", "photographs"):
        reference, model = SWIN2SR.pair(SWIN2SR.cases[name], "Swin2SRForImageSuperResolution")
        images, scale = torch.rand(2, 3, 10, 15), model.config.upscale
        whole = torch.nn.functional.pad(images, (0, 1, 0, 2), "reflect")
        expected = reference(whole).reconstruction[..., : 10 * scale, : 15 * scale]
        assert_close(model(images).reconstruction, expected)
        with pytest.raises(RuntimeError, match="invalid for input of size"):
            reference(images)


@torch.no_grad()
def test_what_the_reference_adds_is_not_what_was_learned() -> None:
    """Without a repair it adds the image as it came: too bright by the mean colour."""
    case = SWIN2SR.cases["coloured images without noise"]
    head = "Swin2SRForImageSuperResolution"
    reference = super(type(SWIN2SR), SWIN2SR).reference(case, head)
    model = SWIN2SR.ours_from(reference)
    images = torch.rand(2, 3, 12, 12)
    found, range_ = model(images).reconstruction, model.config.img_range
    beside = images - images / range_ - model.model.mean
    assert_close(found, reference(images).reconstruction + beside)


@torch.no_grad()
def test_plain_enlargement_is_of_what_the_layers_see() -> None:
    case = SWIN2SR.cases["compressed images"]
    head = "Swin2SRForImageSuperResolution"
    reference = super(type(SWIN2SR), SWIN2SR).reference(case, head)
    model = SWIN2SR.ours_from(reference)
    images = torch.rand(2, 3, 12, 12)
    assert not torch.allclose(
        model(images).reconstruction, reference(images).reconstruction, atol=1e-2
    )
    assert_same_outputs(model(images), repaired(reference)(images))


@torch.no_grad()
def test_small_images_are_seen_too() -> None:
    """The reference cannot mirror an image by more than its size."""
    reference, model = SWIN2SR.pair(SWIN2SR.cases["plain"], "Swin2SRForImageSuperResolution")
    assert model(torch.rand(1, 3, 2, 1)).reconstruction.shape == (1, 3, 4, 2)
    with pytest.raises(RuntimeError, match=r"[Pp]adding size"):
        reference(torch.rand(1, 3, 2, 1))
    assert automodel_swin2sr.Swin2SRConfig().hidden_size == 180
