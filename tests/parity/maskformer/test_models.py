"""MaskFormer equals the reference: numbers, losses, gradients, files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

import automodel_maskformer
from parity.maskformer.cases import DECODER, MASKFORMER, STAGES, SWIN
from support.family import settled
from support.images import ImageCase
from support.reference import assert_close, assert_same_gradients, assert_same_outputs
from support.vision import ImageParity

HEAD = "MaskFormerForInstanceSegmentation"


class MaskParity(ImageParity):
    """The story; parts of the configuration are compared by their own architectures."""

    untested_keys = ("backbone_config", "decoder_config")

    def halved(self, given: dict[str, Any]) -> dict[str, Any]:
        return {**given, "pixel_values": given["pixel_values"].bfloat16()}

    def test_outputs_losses_and_gradients(self, name: str, head: str) -> None:
        self.family = replace(self.family, dtype=torch.float64)  # type: ignore[misc]
        super().test_outputs_losses_and_gradients(name, head)


class TestMaskFormer(MaskParity):
    family = MASKFORMER


def test_losses_of_every_layer() -> None:
    """The reference learns so only where hidden states are asked for."""
    case = ImageCase({"use_auxiliary_loss": True})
    reference, model = MASKFORMER.pair(case, HEAD)
    given = MASKFORMER.batch(case, HEAD)
    given |= MASKFORMER.labels(HEAD, given, reference.config)
    shown = {"output_auxiliary_logits": True}
    theirs, ours = (
        reference(**given, **shown, output_hidden_states=True),
        model(**given, **shown),
    )
    assert "hidden_states" not in ours
    assert_close(ours.loss, theirs.loss, "loss")
    for found, expected in zip(ours.auxiliary_logits, theirs.auxiliary_logits, strict=True):
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            assert_close(found[name], value, name)
    theirs.loss.backward()
    ours.loss.backward()
    assert_same_gradients(model, reference)


def test_states_that_are_normalised_between_layers() -> None:
    """In 5 the reference cannot show hidden states of such a decoder."""
    case = ImageCase({"decoder_config": {**DECODER, "auxiliary_loss": True}})
    reference, model = MASKFORMER.pair(case, HEAD)
    given = MASKFORMER.batch(case, HEAD)
    with torch.no_grad():
        assert_same_outputs(model(**given), reference(**given))


@pytest.mark.parametrize("counts", [(0, 0, 0), (1, 0, 3), (9, 7, 2)])
def test_no_objects_one_and_more_than_queries(counts: tuple[int, ...]) -> None:
    case = ImageCase()
    reference, model = MASKFORMER.pair(case, HEAD)
    images = MASKFORMER.batch(case, HEAD)
    chance = torch.Generator().manual_seed(3)
    labels: dict[str, Any] = {
        "mask_labels": [(torch.rand(n, 64, 64, generator=chance) > 0.7).float() for n in counts],
        "class_labels": [torch.randint(0, 5, (n,), generator=chance) for n in counts],
    }
    labels["mask_labels"][1][:1] = 0.0  # a mask without a pixel
    assert_close(model(**images, **labels).loss, reference(**images, **labels).loss)


@pytest.mark.parametrize("head", ["MaskFormerSwinModel", "MaskFormerSwinBackbone"])
@pytest.mark.parametrize("stages", [STAGES, STAGES[1::2]])
def test_its_swin_alone(head: str, stages: list[str], tmp_path: Path) -> None:
    """Hidden states and attentions of the reference are others: states of layers, both."""
    kind, own = getattr(transformers, head), getattr(automodel_maskformer, head)
    keys = {key: value for key, value in SWIN.items() if key != "model_type"}
    reference: Any = settled(kind(kind.config_class(**keys, out_features=stages)))
    images = torch.randn(2, 3, 40, 52, generator=torch.Generator().manual_seed(0))
    reference.save_pretrained(tmp_path / "theirs")
    model, info = own.from_pretrained(tmp_path / "theirs", output_loading_info=True)
    assert not any(info.values()), info
    model.save_pretrained(tmp_path / "ours")
    again = kind.from_pretrained(tmp_path / "ours").eval()
    with torch.no_grad():
        expected, back, found = reference(images), again(images), model(images)
    names = ("last_hidden_state", "pooler_output") if head.endswith("Model") else ("feature_maps",)
    for name in names:
        assert_close(found[name], expected[name], name)
        assert_close(back[name], expected[name], name)
    if head.endswith("Model"):
        assert found.hidden_states_spatial_dimensions == expected.hidden_states_spatial_dimensions
