"""Swin and Swin V2 equal the reference: numbers, gradients, files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors import safe_open

import automodel_swin
from automodel_core import AutoBackbone
from parity.swin.cases import (
    BACKBONE,
    BACKBONE_OF_RECTANGLES,
    SMALL,
    SWIN,
    SWIN_RECTANGLES,
    SWIN_V2,
    SWIN_V2_RECTANGLES,
)
from support.family import settled
from support.parity import IS_5, SEEN
from support.reference import assert_close, assert_same_outputs
from support.vision import ImageParity


class SwinParity(ImageParity):
    """The story, but that files of 4.x hold what the size of windows says."""

    reference_only = ("relative_position_index",)

    def halved(self, given: dict[str, Any]) -> dict[str, Any]:
        return {**given, "pixel_values": given["pixel_values"].bfloat16()}

    def test_files_hold_the_names_of_the_reference(self, head: str, tmp_path: Path) -> None:
        names = []
        for model in self.family.pair(self.first_case(), head):
            model.save_pretrained(tmp_path)
            with safe_open(tmp_path / "model.safetensors", "pt") as file:
                names.append({name for name in file.keys() if self.is_shared(name)})  # noqa: SIM118
        assert names[0] == names[1]

    def test_tuples_have_the_same_order(self, head: str) -> None:
        """Ours ends with the reshaped states, which 4.x leaves out of some tuples."""
        reference, model = self.family.pair(self.first_case(), head)
        given = self.arguments(self.first_case(), head) | SEEN | {"return_dict": False}
        with torch.no_grad():
            expected, found = reference(**given), model(**given)
        expected = [part for part in expected if not isinstance(part, tuple) or part]
        assert len(found) - len(expected) in (0, 1)
        assert_close(found[: len(expected)], expected)

    @pytest.mark.parametrize("seed", range(2))
    def test_the_same_paths_are_left_out(self, head: str, seed: int) -> None:
        case = self.first_case()
        reference, model = self.family.pair(case, head, drop_path_rate=0.6)
        given = self.arguments(case, head, reference.config)
        outputs = []
        for each in (reference, model):
            torch.manual_seed(seed)
            outputs.append(each.train()(**given))
        assert_same_outputs(outputs[1], outputs[0])


class TestSwin(SwinParity):
    family = SWIN


class TestSwinOfRectangles(SwinParity):
    family = SWIN_RECTANGLES


class TestBackbone(SwinParity):
    family = BACKBONE
    # 5.x has a whole body in its backbone, whose last norm nobody uses.
    reference_only = (*SwinParity.reference_only, "swin.layernorm.weight", "swin.layernorm.bias")


class TestBackboneOfRectangles(TestBackbone):
    family = BACKBONE_OF_RECTANGLES


class TestSwinV2(SwinParity):
    family = SWIN_V2


class TestSwinV2OfRectangles(SwinParity):
    family = SWIN_V2_RECTANGLES


@pytest.mark.parametrize(("model_type", "head"), [("swin", "Swin"), ("swinv2", "Swinv2")])
@torch.no_grad()
def test_maps_of_a_classifiers_checkpoint(model_type: str, head: str, tmp_path: Path) -> None:
    family = SWIN if model_type == "swin" else SWIN_V2
    reference = family.reference(family.cases["plain"], f"{head}ForImageClassification")
    reference.save_pretrained(tmp_path)
    images = torch.randn(2, 3, 24, 24)
    for chosen in ({"out_indices": (0, 2)}, {"out_features": ["stage2"]}, {"out_indices": [-1]}):
        found = AutoBackbone.from_pretrained(tmp_path, **chosen)
        # The reference's Auto class looks for folders on the hub.
        expected = getattr(transformers, f"{head}Backbone").from_pretrained(tmp_path, **chosen)
        assert found.out_features == expected.out_features
        assert list(found.out_indices) == list(expected.out_indices)
        assert found.channels == expected.channels
        assert_same_outputs(found(images), expected(images))


@pytest.mark.skipif(not IS_5, reason="4.x has one more position than patches")
@pytest.mark.parametrize("pixels", [(24, 24), (32, 40), (12, 24)])
@torch.no_grad()
def test_learned_positions_are_interpolated(pixels: tuple[int, int]) -> None:
    reference, model = SWIN.pair(SWIN.cases["learned positions"], "SwinModel")
    images = torch.randn(2, 3, *pixels)
    expected = reference(images, interpolate_pos_encoding=True)
    assert_same_outputs(model(images, interpolate_pos_encoding=True), expected)


@pytest.mark.skipif(not IS_5, reason="4.x has these arguments inside only")
@torch.no_grad()
def test_states_before_patches_merge() -> None:
    reference, model = SWIN.pair(SWIN.cases["plain"], "SwinModel")
    images = torch.randn(2, 3, 24, 28)
    asked: dict[str, Any] = {**SEEN, "output_hidden_states_before_downsampling": True}
    found = model(images, **asked)
    assert_same_outputs(found, reference(images, **asked))
    assert [states.shape[1] for states in found.reshaped_hidden_states] == [8, 8, 16]
    small = torch.randn(2, 3, 6, 12)
    expected = reference(small, always_partition=True)
    assert_same_outputs(model(small, always_partition=True), expected)


@torch.no_grad()
def test_a_body_with_a_mask_equals_the_reference() -> None:
    config = transformers.SwinConfig(**SMALL)
    reference: Any = settled(transformers.SwinModel(config, use_mask_token=True))
    model = automodel_swin.SwinModel.from_pretrained(
        None,
        config=automodel_swin.SwinConfig(**SMALL),
        state_dict=reference.state_dict(),
        use_mask_token=True,
    )
    images, hidden = torch.randn(2, 3, 24, 24), torch.rand(2, 144) < 0.5
    expected = reference(images, bool_masked_pos=hidden)
    assert_same_outputs(model(images, bool_masked_pos=hidden), expected)
    assert not torch.allclose(model(images)[0], expected[0])


@torch.no_grad()
def test_windows_larger_than_a_map_fail_in_the_reference_and_ever_after() -> None:
    reference, model = SWIN.pair(SWIN.cases["plain"], "SwinModel")
    images, small = torch.randn(1, 3, 24, 24), torch.randn(1, 3, 4, 4)
    before = reference(images)
    assert model(small).last_hidden_state.shape == (1, 1, 16)
    assert_same_outputs(model(images), before)
    for each in (small, images):
        with pytest.raises(RuntimeError, match="must match the size"):
            reference(each)
