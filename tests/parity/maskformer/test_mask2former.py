"""Mask2Former equals the reference: numbers, losses at the same places, gradients, files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
import transformers

from parity.maskformer.cases import MASK2FORMER
from parity.maskformer.test_models import MaskParity
from support.images import ImageCase
from support.parity import IS_5
from support.reference import assert_close, assert_same_gradients, assert_same_outputs

HEAD = "Mask2FormerForUniversalSegmentation"


@pytest.fixture(autouse=True)
def double_precision() -> Iterator[None]:
    """Let no rounding move the edge of a mask; places are drawn in the default type."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


class TestMask2Former(MaskParity):
    family = MASK2FORMER
    reference_only = ("relative_position_index", "swin.layernorm.weight", "swin.layernorm.bias")

    def test_first_values_have_the_same_spread(self, head: str) -> None:
        """Version 4 draws those of queries and levels otherwise than the authors."""
        if IS_5:
            super().test_first_values_have_the_same_spread(head)


@pytest.mark.parametrize("name", MASK2FORMER.cases)
@torch.no_grad()
def test_losses_of_any_masks(name: str) -> None:
    """In single precision rounding chooses among places that are as unsure as each other.

    In any, it chooses among matches that cost the same: those of objects so small that no place
    falls on them. None of these is as small.
    """
    case = MASK2FORMER.cases[name]
    for seed in range(3):
        reference, model = MASK2FORMER.pair(case, HEAD, seed)
        given = MASK2FORMER.batch(case, HEAD, seed=seed)
        chance = torch.Generator().manual_seed(seed)
        counts = torch.randint(0, 6, (len(given["pixel_values"]),), generator=chance).tolist()
        size, classes = given["pixel_values"].shape[-2:], reference.config.num_labels
        labels: dict[str, Any] = {
            "mask_labels": [
                (torch.rand(n, *size, generator=chance) > 0.7).double() for n in counts
            ],
            "class_labels": [torch.randint(0, classes, (n,), generator=chance) for n in counts],
        }
        assert_close(model(**given, **labels).loss, reference(**given, **labels).loss)


def test_what_each_layer_says() -> None:
    """The reference learns from every layer where hidden states are asked for, and fails else."""
    case = ImageCase({"use_auxiliary_loss": False})
    reference, model = MASK2FORMER.pair(case, HEAD)
    given = MASK2FORMER.batch(case, HEAD)
    labels = MASK2FORMER.labels(HEAD, given, reference.config)
    shown = {"output_auxiliary_logits": True}
    theirs = reference(**given, **shown, output_hidden_states=True)
    ours = model(**given, **labels, **shown)
    assert "hidden_states" not in ours
    for found, expected in zip(ours.auxiliary_logits, theirs.auxiliary_logits, strict=True):
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            assert_close(found[name], value, name)
    torch.manual_seed(0)
    last = {key: theirs[key] for key in ("masks_queries_logits", "class_queries_logits")}
    loss = reference.get_loss(reference.get_loss_dict(**last, **labels, auxiliary_predictions=None))
    assert_close(ours.loss, loss, "loss")
    ours.loss.backward()
    loss.backward()
    assert_same_gradients(model, reference)


@pytest.mark.parametrize("counts", [(0, 0, 0), (1, 0, 3), (9, 7, 2)])
def test_no_objects_one_and_more_than_queries(counts: tuple[int, ...]) -> None:
    """Masks may be larger than images, and of several sizes."""
    case = ImageCase()
    reference, model = MASK2FORMER.pair(case, HEAD)
    images = MASK2FORMER.batch(case, HEAD)
    chance = torch.Generator().manual_seed(3)
    labels: dict[str, Any] = {
        "mask_labels": [
            (torch.rand(n, 64 + n, 80, generator=chance) > 0.7).double() for n in counts
        ],
        "class_labels": [torch.randint(0, 5, (n,), generator=chance) for n in counts],
    }
    labels["mask_labels"][1][:1] = 0.0  # a mask without a pixel
    assert_close(model(**images, **labels).loss, reference(**images, **labels).loss)


def test_queries_whose_masks_are_nowhere_look_everywhere() -> None:
    case = ImageCase()
    reference, model = MASK2FORMER.pair(case, HEAD)
    with torch.no_grad():
        for one, path in ((reference, "pixel_level_module.decoder"), (model, "pixel_decoder")):
            projection = one.get_submodule(f"model.{path}.mask_projection")
            projection.weight.zero_()
            projection.bias.fill_(1.0)  # a query is everywhere, or nowhere
        given = MASK2FORMER.batch(case, HEAD)
        found, expected = model(**given), reference(**given)
    assert (expected.masks_queries_logits < 0).any()
    assert_close(found.class_queries_logits, expected.class_queries_logits)


def test_single_precision() -> None:
    """With first values of a new model rounding is far from the edges of masks."""
    torch.set_default_dtype(torch.float32)
    settings = MASK2FORMER.settings(ImageCase(), HEAD)
    torch.manual_seed(0)
    config = transformers.Mask2FormerConfig(**settings)
    reference = transformers.Mask2FormerForUniversalSegmentation(config).eval()
    model = MASK2FORMER.ours_from(reference)
    images = torch.randn(2, 3, 96, 64)
    with torch.no_grad():
        assert_same_outputs(model(images), reference(images))
