"""The image processors of ViT and DeiT: the hub's files, and every name they go by."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from automodel_core import AutoFeatureExtractor, AutoImageProcessor, AutoProcessor
from automodel_vit import DeiTImageProcessor, ViTImageProcessor

IMAGE = torch.arange(3 * 300 * 400).view(3, 300, 400).remainder(251).to(torch.uint8)
# preprocessor_config.json of google/vit-base-patch16-224, as it stands on the hub.
VIT = {
    "do_normalize": True,
    "do_resize": True,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
    "size": 224,
}
# preprocessor_config.json of facebook/deit-base-distilled-patch16-224.
DEIT = {
    "crop_size": 224,
    "do_center_crop": True,
    "do_normalize": True,
    "do_resize": True,
    "feature_extractor_type": "DeiTFeatureExtractor",
    "image_mean": [0.485, 0.456, 0.406],
    "image_std": [0.229, 0.224, 0.225],
    "resample": 3,
    "size": 256,
}


def written(folder: Path, values: dict[str, Any], model_type: str | None = None) -> Path:
    (folder / "preprocessor_config.json").write_text(json.dumps(values), "utf-8")
    if model_type is not None:
        (folder / "config.json").write_text(json.dumps({"model_type": model_type}), "utf-8")
    return folder


def test_an_image_becomes_what_vit_was_trained_on() -> None:
    pixels = ViTImageProcessor()(IMAGE, return_tensors="pt").pixel_values
    assert pixels.shape == (1, 3, 224, 224)
    content = bytes(IMAGE.permute(1, 2, 0).flatten().tolist())
    picture = Image.frombytes("RGB", (400, 300), content)
    resized = torch.frombuffer(
        bytearray(picture.resize((224, 224), Image.Resampling.BILINEAR).tobytes()),
        dtype=torch.uint8,
    )
    expected = resized.view(224, 224, 3).permute(2, 0, 1) / 255 * 2 - 1
    torch.testing.assert_close(pixels[0], expected, rtol=0, atol=1e-6)


def test_deit_takes_the_middle() -> None:
    processor = DeiTImageProcessor()
    whole = processor(IMAGE, do_center_crop=False).pixel_values[0]
    assert whole.shape == (3, 256, 256)
    assert torch.equal(processor(IMAGE).pixel_values[0], whole[:, 16:240, 16:240])


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ViTImageProcessor", ViTImageProcessor),
        ("ViTImageProcessorFast", ViTImageProcessor),
        ("ViTImageProcessorPil", ViTImageProcessor),
        ("ViTFeatureExtractor", ViTImageProcessor),
        ("DeiTFeatureExtractor", DeiTImageProcessor),
        ("DeiTImageProcessorFast", DeiTImageProcessor),
    ],
)
def test_every_name_that_files_hold(tmp_path: Path, name: str, kind: Any) -> None:
    key = "feature_extractor_type" if "Extractor" in name else "image_processor_type"
    folder = written(tmp_path, {**VIT, key: name})
    for auto_class in (AutoImageProcessor, AutoProcessor):
        found = auto_class.from_pretrained(folder)
        assert type(found) is kind
        assert found.size == {"height": 224, "width": 224}
    if "Extractor" in name:
        assert type(AutoFeatureExtractor.from_pretrained(folder)) is kind


@pytest.mark.parametrize(
    ("values", "model_type", "kind"),
    [(VIT, "vit", ViTImageProcessor), (DEIT, "deit", DeiTImageProcessor)],
)
def test_old_files_are_read_and_written_anew(
    tmp_path: Path, values: dict[str, Any], model_type: str, kind: Any
) -> None:
    processor = AutoImageProcessor.from_pretrained(written(tmp_path, values, model_type))
    assert type(processor) is kind
    assert processor.image_mean == values["image_mean"]
    processor.save_pretrained(tmp_path)
    saved = json.loads((tmp_path / "preprocessor_config.json").read_text("utf-8"))
    assert saved["size"] == {"height": values["size"], "width": values["size"]}
    assert saved["image_processor_type"] == kind.__name__
    assert "feature_extractor_type" not in saved
    assert AutoImageProcessor.from_pretrained(tmp_path) == processor
