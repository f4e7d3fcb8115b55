"""Swin2SR equals the reference: numbers, gradients, files."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import automodel_swin2sr
from parity.swin2sr.cases import SWIN2SR
from support.reference import assert_close
from support.vision import ImageParity


class TestSwin2SR(ImageParity):
    family = SWIN2SR

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
def test_small_images_are_seen_too() -> None:
    """The reference cannot mirror an image by more than its size."""
    reference, model = SWIN2SR.pair(SWIN2SR.cases["plain"], "Swin2SRForImageSuperResolution")
    assert model(torch.rand(1, 3, 2, 1)).reconstruction.shape == (1, 3, 4, 2)
    with pytest.raises(RuntimeError, match=r"[Pp]adding size"):
        reference(torch.rand(1, 3, 2, 1))
    assert automodel_swin2sr.Swin2SRConfig().hidden_size == 180
