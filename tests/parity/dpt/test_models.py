"""DPT, its hybrid and BiT equal the reference: numbers, gradients, files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch

from parity.dpt.cases import BACKBONE, BIT, DPT, HYBRID, UNREAD_BACKBONE
from support.parity import IS_5
from support.reference import assert_close
from support.vision import ImageParity


@contextmanager
def in_double_precision() -> Iterator[None]:
    """Make numbers of which none falls on the other side of an activation by rounding."""
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


class DenseParity(ImageParity):
    """The story; in half precision the reference takes pixels of that kind only."""

    def test_outputs_losses_and_gradients(self, name: str, head: str) -> None:
        with in_double_precision():
            super().test_outputs_losses_and_gradients(name, head)

    def halved(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"pixel_values": given["pixel_values"].bfloat16()}


class TestDPT(DenseParity):
    family = DPT


class TestHybrid(DenseParity):
    family = HYBRID
    untested_keys = ("backbone_config",)

    def test_tuples_have_the_same_order(self, head: str) -> None:
        if head == "DPTModel":
            pytest.skip("the backbone's maps stand in other places than in the output's class")
        super().test_tuples_have_the_same_order(head)


class TestDPTOnABackbone(DenseParity):
    family = BACKBONE
    test_a_body_loads_into_a_head_and_back = None


@pytest.mark.skipif(not IS_5, reason="transformers 4 finds no maps to segment")
class TestDPTThatReadsNoBackbone(DenseParity):
    family = UNREAD_BACKBONE
    untested_keys = ("backbone_config",)
    test_a_body_loads_into_a_head_and_back = None


class TestBit(DenseParity):
    family = BIT
    test_either_attention_implementation = None


@torch.no_grad()
def test_images_of_other_shapes_than_squares() -> None:
    """The reference takes the root of the number of patches for the height and the width."""
    reference, model = DPT.pair(DPT.cases["plain"], "DPTForDepthEstimation")
    wide = torch.randn(2, 3, 8, 16)
    with pytest.raises(RuntimeError, match="shape"):
        reference(wide)
    depth = model(wide).predicted_depth
    assert depth.shape == (2, 32, 64)
    body = model.dpt(wide, output_hidden_states=True).hidden_states[1:]
    expected = reference.neck(body, patch_height=2, patch_width=4)
    assert_close(depth, reference.head(expected))


def test_depths_have_no_loss() -> None:
    reference, model = DPT.pair(DPT.cases["plain"], "DPTForDepthEstimation")
    images = torch.randn(1, 3, 16, 16)
    with pytest.raises(NotImplementedError):
        reference(images, labels=torch.zeros(1, 16, 16))
    with pytest.raises(TypeError, match="takes no labels"):
        model(images, labels=torch.zeros(1, 16, 16))
