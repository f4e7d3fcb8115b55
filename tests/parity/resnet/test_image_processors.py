"""The image processor equals the reference's, and each reads the other's files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from automodel_core import AutoImageProcessor
from automodel_resnet import ConvNextImageProcessor
from support.parity import IS_5

if IS_5:
    from transformers.models.convnext.image_processing_pil_convnext import (
        ConvNextImageProcessorPil as Reference,
    )
else:
    from transformers import ConvNextImageProcessor as Reference

SETTINGS: dict[str, dict[str, Any]] = {
    "defaults": {"resample": 3},
    "a small square": {"size": {"shortest_edge": 32}, "resample": 2},
    "all of it": {"size": {"shortest_edge": 20}, "crop_pct": 1.0, "resample": 3},
    "as it is": {"do_resize": False, "do_normalize": False},
}
if IS_5:  # 4 cuts nothing out
    SETTINGS["the middle of it"] = {"do_center_crop": True, "crop_size": (20, 30)}


def drawn(height: int, width: int) -> Any:
    return np.random.default_rng(height).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("shape", [(47, 61), (90, 40), (33, 33)])
def test_the_same_numbers(name: str, shape: tuple[int, int]) -> None:
    ours, theirs = (kind(**SETTINGS[name]) for kind in (ConvNextImageProcessor, Reference))
    expected = theirs(drawn(*shape), return_tensors="pt")["pixel_values"]
    assert torch.equal(ours(drawn(*shape), return_tensors="pt")["pixel_values"], expected)


def test_files_go_both_ways(tmp_path: Path) -> None:
    settings = SETTINGS["a small square"]
    Reference(**settings).save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "resnet"}')
    found = AutoImageProcessor.from_pretrained(tmp_path)
    assert type(found) is ConvNextImageProcessor
    expected = Reference(**settings)(drawn(50, 40), return_tensors="pt")["pixel_values"]
    assert torch.equal(found(drawn(50, 40), return_tensors="pt")["pixel_values"], expected)
    found.save_pretrained(tmp_path)
    again = Reference.from_pretrained(tmp_path)
    assert torch.equal(again(drawn(50, 40), return_tensors="pt")["pixel_values"], expected)
