"""The image processor of SuperPoint: the hub's file, grey, and points in pictures."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from PIL import Image

from automodel_core import AutoImageProcessor
from automodel_core.errors import InputError
from automodel_superpoint import SuperPointImageProcessor

IMAGE = torch.arange(3 * 30 * 40).view(3, 30, 40).remainder(251).to(torch.uint8)
# preprocessor_config.json of magic-leap-community/superpoint.
HUB = {
    "do_rescale": True,
    "do_resize": True,
    "image_processor_type": "SuperPointImageProcessor",
    "rescale_factor": 0.00392156862745098,
    "size": {"height": 480, "width": 640},
}


@pytest.mark.parametrize("ending", ["", "Fast", "Pil"])
def test_every_name_that_files_hold(tmp_path: Path, ending: str) -> None:
    values = {**HUB, "image_processor_type": f"SuperPointImageProcessor{ending}"}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(values), "utf-8")
    processor = AutoImageProcessor.from_pretrained(tmp_path)
    assert type(processor) is SuperPointImageProcessor
    pixels = processor(IMAGE, return_tensors="pt").pixel_values
    assert pixels.shape == (1, 3, 480, 640)
    assert 0 <= pixels.min() < pixels.max() <= 1


def test_grey_stands_in_all_channels() -> None:
    processor = SuperPointImageProcessor(do_resize=False, do_grayscale=True)
    (pixels,) = processor(IMAGE).pixel_values
    expected = (IMAGE / 255 * torch.tensor([0.2989, 0.5870, 0.1140]).view(3, 1, 1)).sum(0)
    for channel in pixels:
        torch.testing.assert_close(channel, expected)


def test_grey_and_coloured_pictures_in_one_batch() -> None:
    colour = Image.new("RGB", (20, 10), (255, 0, 0))
    pixels = SuperPointImageProcessor(size={"height": 8, "width": 16})(
        [colour, colour.convert("L"), colour.convert("RGBA")], return_tensors="pt"
    ).pixel_values
    assert pixels.shape == (3, 3, 8, 16)
    assert pixels[0, 0].eq(1).all()
    assert torch.equal(pixels[0], pixels[2])


def test_points_in_pictures() -> None:
    outputs = SimpleNamespace(
        keypoints=torch.tensor([[[0.5, 0.25], [0.0, 0.0]], [[0.1, 0.2], [0.75, 0.5]]]),
        scores=torch.tensor([[0.9, 0.0], [0.8, 0.7]]),
        descriptors=torch.rand(2, 2, 4),
        mask=torch.tensor([[1, 0], [1, 1]]),
    )
    processor = SuperPointImageProcessor()
    for sizes in ([(100, 200), (10, 20)], torch.tensor([[100, 200], [10, 20]])):
        first, second = processor.post_process_keypoint_detection(outputs, sizes)
        assert first["keypoints"].tolist() == [[100, 25]]
        assert second["keypoints"].tolist() == [[2, 2], [15, 5]]
        assert torch.equal(second["descriptors"], outputs.descriptors[1])
        assert first["scores"].tolist() == pytest.approx([0.9])
    with pytest.raises(InputError, match="1 target_sizes were given for 2 images"):
        processor.post_process_keypoint_detection(outputs, [(10, 10)])
