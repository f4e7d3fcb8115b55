"""The image processors of SegFormer and GLPN: the hub's files, and every name they go by."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from automodel_core import AutoFeatureExtractor, AutoImageProcessor
from automodel_segformer import GLPNImageProcessor, SegformerImageProcessor

IMAGE = torch.arange(3 * 70 * 100).view(3, 70, 100).remainder(251).to(torch.uint8)
# preprocessor_config.json of nvidia/segformer-b0-finetuned-ade-512-512.
ADE = {
    "do_normalize": True,
    "do_resize": True,
    "feature_extractor_type": "SegformerFeatureExtractor",
    "image_mean": [0.485, 0.456, 0.406],
    "image_std": [0.229, 0.224, 0.225],
    "reduce_labels": True,
    "resample": 2,
    "size": 512,
}
# preprocessor_config.json of vinvino02/glpn-nyu.
NYU = {
    "do_rescale": True,
    "do_resize": True,
    "feature_extractor_type": "GLPNFeatureExtractor",
    "resample": 2,
    "size_divisor": 32,
}


def written(folder: Path, values: dict[str, Any]) -> Path:
    (folder / "preprocessor_config.json").write_text(json.dumps(values), "utf-8")
    return folder


def test_the_first_files_of_segformer(tmp_path: Path) -> None:
    folder = written(tmp_path, ADE)
    assert type(AutoFeatureExtractor.from_pretrained(folder)) is SegformerImageProcessor
    processor = AutoImageProcessor.from_pretrained(folder)
    assert type(processor) is SegformerImageProcessor
    assert processor.size == {"height": 512, "width": 512}
    assert processor.do_reduce_labels is True
    processor.save_pretrained(tmp_path / "again")
    saved = json.loads((tmp_path / "again" / "preprocessor_config.json").read_text("utf-8"))
    assert saved["do_reduce_labels"] is True
    assert saved["image_processor_type"] == "SegformerImageProcessor"
    assert not {"reduce_labels", "feature_extractor_type"} & saved.keys()


def test_a_picture_and_its_classes() -> None:
    classes = torch.arange(70 * 100).view(70, 100).remainder(151)
    processor = SegformerImageProcessor(size=40, do_reduce_labels=True)
    inputs = processor([IMAGE] * 2, [classes] * 2, return_tensors="pt")
    assert inputs.pixel_values.shape == (2, 3, 40, 40)
    assert inputs.labels.shape == (2, 40, 40)
    assert set(inputs.labels.unique().tolist()) <= {255, *range(150)}


@pytest.mark.parametrize(
    ("shape", "expected"), [((70, 100), (64, 96)), ((64, 64), (64, 64)), ((20, 33), (32, 32))]
)
def test_depths_are_estimated_at_multiples(
    tmp_path: Path, shape: tuple[int, int], expected: tuple[int, int]
) -> None:
    processor = AutoImageProcessor.from_pretrained(written(tmp_path, NYU))
    assert type(processor) is GLPNImageProcessor
    pixels = processor(IMAGE[:, : shape[0], : shape[1]], return_tensors="pt").pixel_values
    assert pixels.shape == (1, 3, *expected)
    assert 0 <= pixels.min() < pixels.max() <= 1


@pytest.mark.parametrize("kind", ["Segformer", "GLPN"])
@pytest.mark.parametrize("ending", ["", "Fast", "Pil"])
def test_every_name_that_files_hold(tmp_path: Path, kind: str, ending: str) -> None:
    folder = written(tmp_path, {"image_processor_type": f"{kind}ImageProcessor{ending}"})
    expected = {"Segformer": SegformerImageProcessor, "GLPN": GLPNImageProcessor}[kind]
    assert type(AutoImageProcessor.from_pretrained(folder)) is expected
