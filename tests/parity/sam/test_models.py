"""SAM equals the reference: masks, scores, states, weights, gradients, files."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
import transformers

import automodel_sam
from automodel_core import AutoConfig, AutoModelForMaskGeneration
from parity.sam.cases import SAM, SAM_VISION
from support.parity import IS_5, target
from support.reference import assert_close, assert_same_gradients, assert_same_outputs
from support.vision import ImageParity

OF_PARTS = ("vision_config", "prompt_encoder_config", "mask_decoder_config")
STATES: dict[str, bool] = {"output_hidden_states": True}
"""What is compared as it is: weights have another shape here, see below."""


class TestSam(ImageParity):
    family = SAM
    seen: ClassVar = STATES
    untested_keys = OF_PARTS

    def halved(self, given: dict[str, Any]) -> dict[str, Any]:
        return {**given, "pixel_values": given["pixel_values"].bfloat16()}

    def test_files_go_both_ways(self, name: str, head: str, tmp_path: Path) -> None:
        if not IS_5 and name == "points":
            pytest.skip("the masks of these weights cancel out but for rounding")
        super().test_files_go_both_ways(name, head, tmp_path)

    def test_outputs_losses_and_gradients(self, name: str, head: str) -> None:
        case = self.family.cases[name]
        reference, model = self.family.pair(case, head, zlib.crc32(name.encode()))
        # In double precision: what enters a mask cancels out but for rounding.
        given = {
            key: value.double() if key not in ("input_labels", "multimask_output") else value
            for key, value in self.family.batch(case, head).items()
        }
        found, expected = (each.double()(**given, **STATES) for each in (model, reference))
        assert_same_outputs(found, expected)
        if "target_embedding" in given:
            return  # the reference adds it in place, and has no gradients then
        target(expected, given).backward()
        target(found, given).backward()
        # The reference computes masks that it does not return, with gradients of zero.
        for weight in model.mask_decoder.output_hypernetworks_mlps.parameters():
            weight.grad = torch.zeros_like(weight) if weight.grad is None else weight.grad
        assert_same_gradients(model, reference)

    test_gradient_checkpointing_gives_the_same_gradients = None  # zeros are left out here too


class TestSamVision(ImageParity):
    family = SAM_VISION
    seen: ClassVar = STATES

    def halved(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"pixel_values": given["pixel_values"].bfloat16()}


@pytest.mark.parametrize("part", OF_PARTS)
def test_defaults_of_parts_are_those_of_the_reference(part: str) -> None:
    ours, theirs = (kind.SamConfig().to_dict()[part] for kind in (automodel_sam, transformers))
    for name, value in theirs.items():
        if name in ours and name not in ("transformers_version", "model_type"):
            assert ours[name] == (list(value) if isinstance(value, tuple) else value), name


@torch.no_grad()
def test_weights_are_those_of_the_reference_by_head() -> None:
    """The reference has batch and heads in one dimension; ours are apart."""
    case = SAM.cases["points"]
    reference, model = SAM.pair(case, "SamModel")
    given = SAM.batch(case, "SamModel")
    found, expected = (each(**given, output_attentions=True) for each in (model, reference))
    for ours, theirs in zip(found.vision_attentions, expected.vision_attentions, strict=True):
        assert_close(ours.flatten(0, 1), theirs)
    for weights in found.mask_decoder_attentions:
        assert weights.shape == (3 * 2, 2, 1 + 4 + 4, 64)
        torch.testing.assert_close(weights.sum(-1), torch.ones(6, 2, 9))


@torch.no_grad()
def test_the_parts_may_be_called_alone() -> None:
    case = SAM.cases["points and boxes"]
    reference, model = SAM.pair(case, "SamModel")
    given = SAM.batch(case, "SamModel")
    pixels = given.pop("pixel_values")
    assert_close(
        model.get_image_wide_positional_embeddings(),
        reference.get_image_wide_positional_embeddings(),
    )
    assert_close(model.get_prompt_embeddings(**given), reference.get_prompt_embeddings(**given))
    maps = model.get_image_embeddings(pixels)
    assert_close(maps, reference.get_image_embeddings(pixels))
    assert_close(
        model(image_embeddings=maps, **given).pred_masks,
        reference(image_embeddings=maps, **given).pred_masks,
    )


def test_files_of_before_are_read(tmp_path: Any) -> None:
    """They hold the frequencies twice, and the keys that follow from others."""
    reference = SAM.reference(SAM.cases["points"], "SamModel")
    state = dict(reference.state_dict())
    assert "prompt_encoder.shared_embedding.positional_embedding" in state
    config = reference.config.to_dict()
    assert config["prompt_encoder_config"]["image_embedding_size"] == 8
    reference.config.save_pretrained(tmp_path)
    torch.save(state, tmp_path / "pytorch_model.bin")
    model, info = AutoModelForMaskGeneration.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info.values()), info
    given = SAM.batch(SAM.cases["points"], "SamModel")
    with torch.no_grad():
        assert_close(model(**given).pred_masks, reference(**given).pred_masks)


def test_the_encoder_of_images_loads_from_a_whole_checkpoint(tmp_path: Any) -> None:
    reference = SAM.reference(SAM.cases["points"], "SamModel")
    reference.save_pretrained(tmp_path)
    model = automodel_sam.SamVisionModel.from_pretrained(tmp_path)
    pixels = SAM.batch(SAM.cases["points"], "SamModel")["pixel_values"]
    with torch.no_grad():
        assert_close(model(pixels).last_hidden_state, reference.get_image_embeddings(pixels))
    whole = AutoConfig.from_pretrained(tmp_path)
    assert model.config.mlp_dim == whole.vision_config.mlp_dim == 40
