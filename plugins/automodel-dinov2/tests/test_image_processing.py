"""The image processors of DINOv2 and Depth Anything: the files of the hub, and what they make."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from automodel_core import AutoImageProcessor
from automodel_dinov2 import BitImageProcessor, DPTImageProcessor

# preprocessor_config.json of facebook/dinov2-base, and of Depth-Anything-V2-Small-hf.
FILES: dict[str, dict[str, Any]] = {
    "dinov2": {
        "crop_size": {"height": 224, "width": 224},
        "do_center_crop": True,
        "do_convert_rgb": True,
        "do_normalize": True,
        "do_rescale": True,
        "do_resize": True,
        "image_mean": [0.485, 0.456, 0.406],
        "image_processor_type": "BitImageProcessor",
        "image_std": [0.229, 0.224, 0.225],
        "resample": 3,
        "rescale_factor": 1 / 255,
        "size": {"shortest_edge": 256},
    },
    "depth_anything": {
        "do_normalize": True,
        "do_pad": False,
        "do_rescale": True,
        "do_resize": True,
        "ensure_multiple_of": 14,
        "image_mean": [0.485, 0.456, 0.406],
        "image_processor_type": "DPTImageProcessor",
        "image_std": [0.229, 0.224, 0.225],
        "keep_aspect_ratio": True,
        "resample": 3,
        "rescale_factor": 1 / 255,
        "size": {"height": 518, "width": 518},
        "size_divisor": None,
    },
}


@pytest.mark.parametrize(
    ("model_type", "kind", "expected"),
    [("dinov2", BitImageProcessor, (224, 224)), ("depth_anything", DPTImageProcessor, (350, 518))],
)
def test_files_of_the_hub(
    model_type: str, kind: Any, expected: tuple[int, int], tmp_path: Path
) -> None:
    values = FILES[model_type]
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(values), "utf-8")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": model_type}), "utf-8")
    processor = AutoImageProcessor.from_pretrained(tmp_path)
    assert type(processor) is kind
    picture = torch.zeros(3, 300, 450, dtype=torch.uint8)
    pixels = processor(picture, return_tensors="pt").pixel_values
    assert tuple(pixels.shape) == (1, 3, *expected)
    black = [
        -mean / std for mean, std in zip(values["image_mean"], values["image_std"], strict=True)
    ]
    torch.testing.assert_close(pixels[0, :, 7, 9], torch.tensor(black))
    processor.save_pretrained(tmp_path)
    assert AutoImageProcessor.from_pretrained(tmp_path) == processor


def test_a_file_that_names_no_class_is_read_by_the_model_type(tmp_path: Path) -> None:
    (tmp_path / "preprocessor_config.json").write_text('{"size": 20}', "utf-8")
    (tmp_path / "config.json").write_text('{"model_type": "dinov2"}', "utf-8")
    processor = AutoImageProcessor.from_pretrained(tmp_path)
    assert type(processor) is BitImageProcessor
    assert processor.size == {"shortest_edge": 20}
