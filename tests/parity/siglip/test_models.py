"""SigLIP equals the reference: numbers, gradients, files."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers

import automodel_siglip
from parity.siglip.cases import SIGLIP
from support.parity import IS_5
from support.reference import assert_close
from support.towers import TowerParity


class TestSiglip(TowerParity):
    family = SIGLIP

    def shown(self, head: str) -> dict[str, Any]:
        """Return nothing for both towers in 4, which then shows no states of theirs."""
        return super().shown(head) if IS_5 or not self.family.pairs(head) else {}


@torch.no_grad()
def test_a_tower_without_a_head_pools_nothing() -> None:
    settings: dict[str, Any] = {
        **SIGLIP.settings(SIGLIP.cases["plain"], "SiglipVisionModel"),
        "vision_use_head": False,
    }
    reference = transformers.SiglipVisionModel(transformers.SiglipVisionConfig(**settings)).eval()
    model = automodel_siglip.SiglipVisionModel.from_pretrained(
        None,
        config=automodel_siglip.SiglipVisionConfig(**settings),
        state_dict=reference.state_dict(),
    )
    images = torch.randn(2, 3, 16, 16)
    found = model(images)
    assert found.pooler_output is None
    assert_close(found.last_hidden_state, reference(images).last_hidden_state)


@torch.no_grad()
@pytest.mark.parametrize("head", ["SiglipModel", "SiglipForImageClassification"])
def test_towers_of_which_that_of_images_pools_nothing(head: str) -> None:
    settings = SIGLIP.settings(SIGLIP.cases["plain"], head)
    settings["vision_config"] = {**settings["vision_config"], "vision_use_head": False}
    reference: Any = getattr(transformers, head)(transformers.SiglipConfig(**settings)).eval()
    model: Any = getattr(automodel_siglip, head).from_pretrained(
        None, config=automodel_siglip.SiglipConfig(**settings), state_dict=reference.state_dict()
    )
    assert model.hub_state_dict().keys() == reference.state_dict().keys()
    images = torch.randn(2, 3, 16, 16)
    if head.endswith("Classification"):
        assert_close(model(images).logits, reference(images).logits)
        return
    texts = torch.randint(3, 20, (2, 5))
    found, expected = model.get_text_features(texts), reference.get_text_features(texts)
    assert_close(found, expected.pooler_output if IS_5 else expected)
    states = (
        tower(images).last_hidden_state for tower in (model.vision_model, reference.vision_model)
    )
    assert_close(*states)
