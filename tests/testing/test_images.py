"""The conformance suite sees what is wrong with models of images, and with what prepares them."""

from __future__ import annotations

from typing import Any

import pytest

from automodel_core.configuration import PreTrainedConfig
from automodel_core.testing import Check, CheckFailedError, Subject, checks_of
from automodel_vit import ViTImageProcessor
from automodel_vit.modeling import ViTEmbeddings

TINY = {
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 8,
    "image_size": 8,
    "patch_size": 4,
    "encoder_stride": 4,
}


class VisionConfig(PreTrainedConfig):
    image_size: int = 6
    num_channels: int = 1


class TalkConfig(PreTrainedConfig):
    text: PreTrainedConfig = PreTrainedConfig()
    vision: VisionConfig = VisionConfig()


def check(name: str) -> Check:
    """Return one check of ViT."""
    return next(check for check in checks_of("vit", TINY) if check.id == name)


def test_images_get_checks_of_their_own_and_none_of_texts() -> None:
    found = {check.id for check in checks_of("vit", TINY)}
    assert {
        "labels_give_a_loss-image-classification",
        "labels_give_a_loss-masked-image-modeling",
        "positions_fit_other_sizes-base",
        "image_processor_serves_the_model-base",
    } <= found
    assert not any("vocabulary" in name or "padding" in name for name in found)


def test_the_size_of_images_is_that_of_the_part_which_sees_them() -> None:
    subject = Subject("talk", {})
    assert subject.pixels(TalkConfig()).shape == (2, 1, 6, 6)
    assert subject.pixels(VisionConfig(image_size=4), rows=1).shape == (1, 1, 4, 4)


def test_images_that_are_cut_to_the_usual_size_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    forward = ViTEmbeddings.forward

    def cutting(self: Any, pixels: Any, hidden: Any, interpolate: bool) -> Any:
        height, width = self.image_size
        kept = pixels if interpolate else pixels[..., :height, :width]
        return forward(self, kept, hidden, interpolate)

    monkeypatch.setattr(ViTEmbeddings, "forward", cutting)
    with pytest.raises(CheckFailedError, match="of higher images, not interpolated"):
        check("positions_fit_other_sizes-base")()


def test_a_processor_that_forgets_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    to_dict = ViTImageProcessor.to_dict
    monkeypatch.setattr(
        ViTImageProcessor, "to_dict", lambda self: {**to_dict(self), "size": 2 * self.size["width"]}
    )
    with pytest.raises(CheckFailedError, match="changes its settings"):
        check("image_processor_serves_the_model-base")()


def test_a_processor_for_other_images_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    transform = ViTImageProcessor.transform

    def grey(self: Any, image: Any) -> Any:
        return transform(self, image)[:1]

    monkeypatch.setattr(ViTImageProcessor, "transform", grey)
    with pytest.raises(CheckFailedError, match=r"pixel_values are \(2, 1, 8, 8\)"):
        check("image_processor_serves_the_model-base")()
