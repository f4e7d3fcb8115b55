"""The processors of VideoMAE: the hub's files, under either name."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from automodel_core import AutoImageProcessor, AutoProcessor, AutoVideoProcessor
from automodel_videomae import VideoMAEImageProcessor, VideoMAEVideoProcessor

FRAMES = torch.arange(4 * 3 * 30 * 40).view(4, 3, 30, 40).remainder(251).to(torch.uint8)
# preprocessor_config.json of MCG-NJU/videomae-base-finetuned-kinetics.
KINETICS = {
    "crop_size": {"height": 224, "width": 224},
    "do_center_crop": True,
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "feature_extractor_type": "VideoMAEFeatureExtractor",
    "image_mean": [0.485, 0.456, 0.406],
    "image_processor_type": "VideoMAEImageProcessor",
    "image_std": [0.229, 0.224, 0.225],
    "resample": 2,
    "rescale_factor": 0.00392156862745098,
    "size": {"shortest_edge": 224},
}


def test_one_file_serves_both_names(tmp_path: Path) -> None:
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(KINETICS), "utf-8")
    image = AutoImageProcessor.from_pretrained(tmp_path)
    video = AutoVideoProcessor.from_pretrained(tmp_path, do_sample_frames=True, num_frames=2)
    assert type(image) is type(AutoProcessor.from_pretrained(tmp_path)) is VideoMAEImageProcessor
    assert type(video) is VideoMAEVideoProcessor
    expected = image(list(FRAMES), return_tensors="pt").pixel_values
    assert expected.shape == (1, 4, 3, 224, 224)
    found = video(FRAMES, return_tensors="pt").pixel_values
    assert torch.equal(found, expected[:, [0, 2]])


def test_each_is_written_to_its_own_file(tmp_path: Path) -> None:
    VideoMAEVideoProcessor(num_frames=16).save_pretrained(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["video_preprocessor_config.json"]
    found = AutoProcessor.from_pretrained(tmp_path)
    assert type(found) is VideoMAEVideoProcessor
    assert found.num_frames == 16
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "videomae"}), "utf-8")
    older = AutoImageProcessor.from_pretrained(tmp_path)
    assert type(older) is VideoMAEImageProcessor
    assert older.num_frames == 16
    VideoMAEImageProcessor(size=50).save_pretrained(tmp_path)
    assert AutoVideoProcessor.from_pretrained(tmp_path).size == {"shortest_edge": 224}
    assert AutoImageProcessor.from_pretrained(tmp_path).size == {"shortest_edge": 50}
