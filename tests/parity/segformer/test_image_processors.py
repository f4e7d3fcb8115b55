"""The image processors equal the reference's Pillow ones, and read each other's files."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from PIL import Image

import automodel_segformer
from automodel_core import AutoImageProcessor
from support.parity import IS_5

if IS_5:
    from transformers.models.glpn.image_processing_pil_glpn import (
        GLPNImageProcessorPil as ReferenceGLPN,
    )
    from transformers.models.segformer.image_processing_pil_segformer import (
        SegformerImageProcessorPil as ReferenceSegformer,
    )
else:
    from transformers import (
        GLPNImageProcessor as ReferenceGLPN,
        SegformerImageProcessor as ReferenceSegformer,
    )

KINDS: dict[str, tuple[Any, Any]] = {
    "segformer": (automodel_segformer.SegformerImageProcessor, ReferenceSegformer),
    "glpn": (automodel_segformer.GLPNImageProcessor, ReferenceGLPN),
}
SETTINGS: dict[str, dict[str, dict[str, Any]]] = {
    "segformer": {
        "defaults": {},
        "small": {"size": {"height": 20, "width": 34}, "resample": 3},
        "no class": {"size": {"height": 31, "width": 31}, "do_reduce_labels": True},
        "as it is": {"do_resize": False, "do_normalize": False},
    },
    "glpn": {
        "defaults": {},
        "other multiples": {"size_divisor": 7, "resample": 3},
        "as it is": {"do_resize": False, "do_rescale": False},
    },
}
CASES = [(kind, name) for kind, settings in SETTINGS.items() for name in settings]
SHAPES = ((47, 61), (40, 100), (100, 33))


def drawn(height: int, width: int) -> Any:
    numbers = np.random.default_rng(height * 1000 + width)
    return numbers.integers(0, 256, (height, width, 3), dtype=np.uint8)


def prepared(processor: Any, *images: Any, **settings: Any) -> dict[str, torch.Tensor]:
    return dict(processor(*images, return_tensors="pt", **settings))


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_pictures_and_maps_become_the_same_numbers(kind: str, name: str) -> None:
    ours, theirs = (each(**SETTINGS[kind][name]) for each in KINDS[kind])
    for shape in SHAPES:
        picture = drawn(*shape)
        classes = picture[..., 0] // 3
        for image in (picture, Image.fromarray(picture), torch.tensor(picture).permute(2, 0, 1)):
            maps = [classes.copy()] if kind == "segformer" else []
            expected = prepared(theirs, image, *maps)
            found = prepared(ours, image, *([classes] if maps else []))
            assert found.keys() == expected.keys()
            for key, value in expected.items():
                assert torch.equal(found[key], value), (key, shape)


def test_maps_of_every_kind_and_in_batches() -> None:
    ours, theirs = (each(size={"height": 9, "width": 12}) for each in KINDS["segformer"])
    pictures = [drawn(20, 30), drawn(25, 15)]
    maps = [picture[..., 1] for picture in pictures]
    kinds: list[Any] = [maps, [Image.fromarray(each) for each in maps]]
    kinds.append([torch.tensor(each) for each in maps])
    for given in kinds:
        expected = prepared(theirs, pictures, given)
        found = prepared(ours, pictures, segmentation_maps=given, do_reduce_labels=False)
        assert torch.equal(found["labels"], expected["labels"])
        given = [each.copy() for each in maps]
        expected = prepared(theirs, pictures, given, do_reduce_labels=True)
        found = prepared(ours, pictures, maps, do_reduce_labels=True)
        assert torch.equal(found["labels"], expected["labels"])


def test_scores_become_the_same_maps() -> None:
    ours, theirs = (each() for each in KINDS["segformer"])
    outputs = SimpleNamespace(logits=torch.randn(2, 5, 8, 6))
    for sizes in (None, [(17, 23), (5, 4)]):
        found = ours.post_process_semantic_segmentation(outputs, target_sizes=sizes)
        expected = theirs.post_process_semantic_segmentation(outputs, target_sizes=sizes)
        assert all(torch.equal(*pair) for pair in zip(found, expected, strict=True))
        if IS_5:
            both = [
                each.post_process_semantic_segmentation(outputs, sizes, True)
                for each in (ours, theirs)
            ]
            for mine, other in zip(*both, strict=True):
                assert mine.keys() == other.keys()
                assert torch.equal(mine.segmentation_scores, other.segmentation_scores)


def test_depths_become_the_same() -> None:
    ours, theirs = (each() for each in KINDS["glpn"])
    outputs = SimpleNamespace(predicted_depth=torch.rand(2, 8, 6))
    for sizes in (None, [(17, 23), (5, 4)]):
        found = ours.post_process_depth_estimation(outputs, target_sizes=sizes)
        expected = theirs.post_process_depth_estimation(outputs, target_sizes=sizes)
        for mine, other in zip(found, expected, strict=True):
            assert mine.keys() == other.keys()
            assert torch.equal(mine["predicted_depth"], other["predicted_depth"])


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_files_go_both_ways(kind: str, name: str, tmp_path: Path) -> None:
    ours, theirs = (each(**SETTINGS[kind][name]) for each in KINDS[kind])
    picture = Image.fromarray(drawn(70, 40))
    expected = prepared(theirs, picture)["pixel_values"]
    theirs.save_pretrained(tmp_path / "theirs")
    found = AutoImageProcessor.from_pretrained(tmp_path / "theirs")
    assert type(found) is type(ours)
    assert torch.equal(prepared(found, picture)["pixel_values"], expected)
    found.save_pretrained(tmp_path / "ours")
    back = transformers.AutoImageProcessor.from_pretrained(tmp_path / "ours", use_fast=False)
    assert torch.equal(prepared(back, picture)["pixel_values"], expected)
    if kind == "segformer":
        assert found.do_reduce_labels == back.do_reduce_labels == theirs.do_reduce_labels


@pytest.mark.parametrize("kind", KINDS)
def test_defaults_are_those_of_the_reference(kind: str) -> None:
    ours, theirs = (each() for each in KINDS[kind])
    expected = theirs.to_dict()
    for key, value in ours.to_dict().items():
        if expected.get(key) is not None and key != "image_processor_type":
            other = expected[key]
            assert value == (list(other) if isinstance(other, tuple) else other), key
