"""The image processors of DINOv2 and Depth Anything equal the reference's Pillow ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from PIL import Image

import automodel_dinov2
from automodel_core import AutoImageProcessor
from automodel_core.modeling import DepthEstimatorOutput
from support.parity import IS_5

if IS_5:
    from transformers.models.bit.image_processing_pil_bit import (
        BitImageProcessorPil as ReferenceBit,
    )
    from transformers.models.dpt.image_processing_pil_dpt import (
        DPTImageProcessorPil as ReferenceDPT,
    )
else:
    from transformers import (
        BitImageProcessor as ReferenceBit,
        DPTImageProcessor as ReferenceDPT,
    )

BIT: dict[str, dict[str, Any]] = {
    "defaults": {},
    "the hub's": {
        "size": {"shortest_edge": 31}, "crop_size": {"height": 28, "width": 28},
        "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225],
    },
    "an old size": {"size": 20, "crop_size": 24},
    "a fixed size": {"size": {"height": 20, "width": 34}, "do_center_crop": False},
    "not resized": {"do_resize": False, "do_center_crop": False},
}  # fmt: skip
DPT: dict[str, dict[str, Any]] = {
    "defaults": {},
    "Depth Anything's": {
        "size": {"height": 70, "width": 70}, "keep_aspect_ratio": True, "ensure_multiple_of": 14,
        "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225],
    },
    "halves round to even": {"size": {"height": 35, "width": 49}, "ensure_multiple_of": 14},
    "nearest": {"size": 31, "resample": 0},
    "the aspect ratio": {"size": {"height": 40, "width": 90}, "keep_aspect_ratio": True},
    "padded around": {"size": 40, "keep_aspect_ratio": True, "do_pad": True, "size_divisor": 32},
    "only padded": {"do_resize": False, "do_pad": True, "size_divisor": 7},
    "not rescaled": {"size": 9, "do_rescale": False},
    "not normalised": {"size": 9, "do_normalize": False},
}  # fmt: skip
CASES = [
    *((automodel_dinov2.BitImageProcessor, ReferenceBit, BIT[name]) for name in BIT),
    *((automodel_dinov2.DPTImageProcessor, ReferenceDPT, DPT[name]) for name in DPT),
]
IDS = [*(f"bit-{name}" for name in BIT), *(f"dpt-{name}" for name in DPT)]


def drawn(height: int, width: int) -> Any:
    numbers = np.random.default_rng(height * 1000 + width)
    return numbers.integers(0, 256, (height, width, 3), dtype=np.uint8)


def pixels(processor: Any, image: Any, **settings: Any) -> torch.Tensor:
    found: torch.Tensor = processor(image, return_tensors="pt", **settings)["pixel_values"]
    return found


@pytest.mark.parametrize(("kind", "reference", "settings"), CASES, ids=IDS)
def test_pictures_become_the_same_numbers(kind: Any, reference: Any, settings: Any) -> None:
    ours, theirs = kind(**settings), reference(**settings)
    for shape in ((47, 61), (61, 47), (40, 40), (33, 90)):
        picture = Image.fromarray(drawn(*shape))
        assert torch.equal(pixels(ours, picture), pixels(theirs, picture)), shape
    call = {"size": {"height": 12, "width": 20}, "do_resize": True}
    if kind is automodel_dinov2.BitImageProcessor:
        call["do_center_crop"] = False
    assert torch.equal(pixels(ours, picture, **call), pixels(theirs, picture, **call))


@pytest.mark.parametrize(("kind", "reference", "settings"), CASES, ids=IDS)
def test_files_go_both_ways(kind: Any, reference: Any, settings: Any, tmp_path: Path) -> None:
    picture = Image.fromarray(drawn(40, 30))
    theirs = reference(**settings)
    theirs.save_pretrained(tmp_path / "theirs")
    found = AutoImageProcessor.from_pretrained(tmp_path / "theirs")
    assert type(found).__name__ == kind.__name__
    assert torch.equal(pixels(found, picture), pixels(theirs, picture))
    kind(**settings).save_pretrained(tmp_path / "ours")
    back = reference.from_pretrained(tmp_path / "ours")
    assert torch.equal(pixels(back, picture), pixels(theirs, picture))


def test_depths_are_resized_as_the_reference_does() -> None:
    outputs = transformers.modeling_outputs.DepthEstimatorOutput(
        predicted_depth=torch.rand(2, 9, 7)
    )
    ours = DepthEstimatorOutput(predicted_depth=outputs.predicted_depth)
    for sizes in (None, [(20, 30), (5, 4)], torch.tensor([[8, 8], [20, 3]])):
        # One version cannot pass a tensor's numbers on.
        given = sizes.tolist() if isinstance(sizes, torch.Tensor) else sizes
        expected = ReferenceDPT().post_process_depth_estimation(outputs, given)
        found = automodel_dinov2.DPTImageProcessor().post_process_depth_estimation(ours, sizes)
        for mine, other in zip(found, expected, strict=True):
            assert torch.equal(mine["predicted_depth"], other["predicted_depth"])
