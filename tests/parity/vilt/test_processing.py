"""ViLT's image processor and processor equal the reference's, and read each other's files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from PIL import Image

from automodel_core import AutoImageProcessor, AutoProcessor
from automodel_vilt import BertTokenizer, ViltImageProcessor, ViltProcessor
from support.parity import IS_5

if IS_5:
    from transformers.models.vilt.image_processing_pil_vilt import (
        ViltImageProcessorPil as Reference,
    )
else:
    from transformers import ViltImageProcessor as Reference

SETTINGS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "small": {"size": {"shortest_edge": 40}, "size_divisor": 8},
    "as a number": {"size": 128},
    "bilinear": {"size": {"shortest_edge": 128}, "resample": 2},
    "own numbers": {"size": {"shortest_edge": 128}, "image_mean": [0.1, 0.2, 0.3]},
    "not padded": {"size": {"shortest_edge": 128}, "do_pad": False},
    "not resized": {"do_resize": False},
}
SHAPES = ((47, 61), (50, 190), (190, 50), (64, 64), (33, 101))


def pictures() -> list[Image.Image]:
    numbers = np.random.default_rng(0)
    return [
        Image.fromarray(numbers.integers(0, 256, (*shape, 3), dtype=np.uint8)) for shape in SHAPES
    ]


def assert_same(found: Any, expected: Any) -> None:
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        ours = [torch.as_tensor(each) for each in found[key]]
        theirs = [torch.as_tensor(each) for each in value]
        assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True)), key


@pytest.mark.parametrize("name", SETTINGS)
def test_pictures_become_the_same_numbers_and_masks(name: str) -> None:
    ours, theirs = (kind(**SETTINGS[name]) for kind in (ViltImageProcessor, Reference))
    for given in (pictures(), pictures()[1]):
        assert_same(ours(given), theirs(given))


@pytest.mark.parametrize("name", ["defaults", "small", "not padded"])
def test_files_go_both_ways(name: str, tmp_path: Path) -> None:
    theirs = Reference(**SETTINGS[name])
    theirs.save_pretrained(tmp_path / "theirs")
    found = AutoImageProcessor.from_pretrained(tmp_path / "theirs")
    assert type(found) is ViltImageProcessor
    found.save_pretrained(tmp_path / "ours")
    back = Reference.from_pretrained(tmp_path / "ours")
    expected = theirs(pictures()[:2])
    assert_same(found(pictures()[:2]), expected)
    assert_same(back(pictures()[:2]), expected)


def test_processors_make_the_same_inputs_and_read_each_others_files(tmp_path: Path) -> None:
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "how", "many", "cats", "?", "##s"]
    (tmp_path / "vocab.txt").write_text("\n".join(words), "utf-8")
    kind = transformers.BertTokenizer if IS_5 else transformers.BertTokenizerFast
    small = SETTINGS["small"]
    theirs = transformers.ViltProcessor(Reference(**small), kind.from_pretrained(tmp_path))
    ours = ViltProcessor(ViltImageProcessor(**small), BertTokenizer(str(tmp_path / "vocab.txt")))
    ours.save_pretrained(tmp_path / "ours")
    theirs.save_pretrained(tmp_path / "theirs")
    for side in ("ours", "theirs"):
        (tmp_path / side / "config.json").write_text(json.dumps({"model_type": "vilt"}), "utf-8")
    given = {"text": ["How many cats?", "cats"], "images": pictures()[:2], "padding": True}
    expected = theirs(**given)
    read = AutoProcessor.from_pretrained(tmp_path / "theirs")
    assert type(read) is ViltProcessor
    back = transformers.ViltProcessor.from_pretrained(tmp_path / "ours", use_fast=False)
    for found in (ours(**given), read(**given), back(**given)):
        assert_same(found, expected)
