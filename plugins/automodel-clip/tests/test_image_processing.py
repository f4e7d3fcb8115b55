"""CLIP's image processor: what it makes of a picture, and files of any age."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from automodel_clip import CLIPImageProcessor
from automodel_core import AutoFeatureExtractor, AutoImageProcessor

IMAGE = torch.arange(3 * 300 * 400).view(3, 300, 400).remainder(251).to(torch.uint8)
# preprocessor_config.json of openai/clip-vit-base-patch32, as it stood on the hub for years.
OLD = {
    "crop_size": 224,
    "do_center_crop": True,
    "do_normalize": True,
    "do_resize": True,
    "feature_extractor_type": "CLIPFeatureExtractor",
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
    "resample": 3,
    "size": 224,
}


def test_the_short_edge_is_resized_and_the_middle_taken() -> None:
    processor = CLIPImageProcessor()
    whole = processor(IMAGE, do_center_crop=False).pixel_values[0]
    assert whole.shape == (3, 224, 298)
    assert torch.equal(processor(IMAGE).pixel_values[0], whole[:, :, 37:261])
    flat = processor(torch.full((3, 9, 9), 255, dtype=torch.uint8)).pixel_values[0]
    expected = [
        (1 - mean) / std for mean, std in zip(OLD["image_mean"], OLD["image_std"], strict=True)
    ]
    torch.testing.assert_close(flat.mean(dim=(1, 2)), torch.tensor(expected))


@pytest.mark.parametrize("changes", [{}, {"size": {"shortest_edge": 224}, "crop_size": [224, 224]}])
def test_files_of_any_age(tmp_path: Path, changes: dict[str, Any]) -> None:
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({**OLD, **changes}), "utf-8")
    for auto_class in (AutoImageProcessor, AutoFeatureExtractor):
        processor = auto_class.from_pretrained(tmp_path)
        assert type(processor) is CLIPImageProcessor
        assert processor.to_dict() == CLIPImageProcessor().to_dict()
