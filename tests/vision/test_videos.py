"""Videos of every kind become the same pixels, and frames are taken as asked."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from automodel_core import AutoVideoProcessor
from automodel_core.errors import CheckpointNotFoundError, InputError, MissingExtraError
from automodel_core.vision import BaseVideoProcessor, VideoMetadata
from automodel_core.vision.videos import frame_indices, single_videos

FRAMES = np.random.default_rng(0).integers(0, 256, (4, 5, 7, 3), dtype=np.uint8)
EXPECTED = torch.tensor(FRAMES.tolist(), dtype=torch.uint8).permute(0, 3, 1, 2)


def processor(**settings: Any) -> BaseVideoProcessor:
    return BaseVideoProcessor(
        **{"do_resize": False, "do_rescale": False, "do_normalize": False, **settings}
    )


@pytest.mark.parametrize(
    "video",
    [
        FRAMES,
        FRAMES.transpose(0, 3, 1, 2),
        torch.tensor(FRAMES),
        EXPECTED,
        list(FRAMES),
        tuple(EXPECTED),
        [Image.fromarray(frame) for frame in FRAMES],
    ],
    ids=["last", "first", "tensor last", "tensor first", "arrays", "tensors", "pillow"],
)
def test_one_video_in_many_kinds(video: Any) -> None:
    for given, count in ((video, 1), ([video], 1), ([video, video], 2), ([[video], [video]], 2)):
        found = processor()(given, return_tensors="pt")["pixel_values_videos"]
        assert found.shape == (count, 4, 3, 5, 7)
        assert all(torch.equal(each, EXPECTED) for each in found)


def test_batches_of_videos_and_single_frames() -> None:
    batch = np.stack([FRAMES, FRAMES[::-1]])
    found = processor()(batch, return_tensors="pt")["pixel_values_videos"]
    assert torch.equal(found[1], EXPECTED.flip(0))
    for frame in (FRAMES[0], Image.fromarray(FRAMES[0])):
        (found,) = processor()(frame)["pixel_values_videos"]
        assert torch.equal(found, EXPECTED[:1])
    uneven = processor()([FRAMES, FRAMES[:2]])["pixel_values_videos"]
    assert [len(video) for video in uneven] == [4, 2]


def test_frames_in_files_and_of_other_kinds(tmp_path: Path) -> None:
    paths = []
    for index, frame in enumerate(FRAMES):
        paths.append(tmp_path / f"{index}.png")
        Image.fromarray(frame).save(paths[-1])
    (found,) = processor()(paths)["pixel_values_videos"]
    assert torch.equal(found, EXPECTED)
    grey = [Image.fromarray(frame).convert("L") for frame in FRAMES]
    (found,) = processor(do_convert_rgb=True)(grey)["pixel_values_videos"]
    assert found.shape == (4, 3, 5, 7)


def test_each_frame_goes_the_way_of_an_image() -> None:
    settings = {"do_resize": True, "size": {"height": 9, "width": 4}, "do_rescale": True}
    (found,) = processor(**settings)(FRAMES)["pixel_values_videos"]
    for frame, expected in zip(found, FRAMES, strict=True):
        picture = Image.fromarray(expected).resize((4, 9), Image.Resampling.BILINEAR)
        pixels = torch.tensor(np.asarray(picture).tolist()).permute(2, 0, 1) / 255
        torch.testing.assert_close(frame, pixels)


@pytest.mark.parametrize(
    ("total", "rate", "asked", "expected"),
    [
        (10, None, {"num_frames": 4}, [0, 2, 5, 7]),
        (3, None, {"num_frames": 3}, [0, 1, 2]),
        (5, None, {}, [0, 1, 2, 3, 4]),
        (60, 30.0, {"fps": 2}, [0, 15, 30, 45]),
        (7, 30.0, {"fps": 1}, [0]),
    ],
)
def test_which_frames_are_taken(
    total: int, rate: float | None, asked: dict[str, Any], expected: list[int]
) -> None:
    assert frame_indices(VideoMetadata(total, fps=rate), **asked) == expected
    known = {"total_num_frames": total, "fps": rate}
    video = torch.arange(total).view(-1, 1, 1, 1).expand(-1, 2, 2, 3).to(torch.uint8)
    features = processor()(
        video, do_sample_frames=True, video_metadata=known, return_metadata=True, **asked
    )
    (found,) = features["pixel_values_videos"]
    assert found[:, 0, 0, 0].tolist() == expected
    assert features["video_metadata"][0].frames_indices == expected


@pytest.mark.parametrize(
    ("videos", "settings", "message"),
    [
        ([], {}, "there are no videos"),
        ([[]], {}, "there are no videos|no frames"),
        ([FRAMES[0], FRAMES], {}, "either videos or the frames of one"),
        ([FRAMES[0], FRAMES[1, :3]], {}, "frames of a video have different shapes"),
        (FRAMES, {"do_sample_frames": True, "num_frames": 5}, "5 frames cannot be taken of a vid"),
        (FRAMES, {"do_sample_frames": True, "fps": 2.0}, "own rate is not known"),
        (FRAMES, {"do_sample_frames": True, "fps": 2, "num_frames": 2}, "give one of them"),
        (FRAMES, {"video_metadata": [{}, {}]}, "2 video_metadata were given for 1 videos"),
        (FRAMES, {"video_metadata": {"frames": 3}}, "expected a table with total_num_frames"),
        ("nowhere.mp4", {}, "there is no video file"),
        ("nowhere.png", {}, "there is no image file"),
        (3, {}, "an image is a Pillow image"),
    ],
)
def test_what_is_no_video(videos: Any, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        processor()(videos, **settings)


def test_the_extra_that_reads_files_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    (tmp_path / "a.MP4").touch()
    assert single_videos([tmp_path / "a.MP4"] * 2) == [tmp_path / "a.MP4"] * 2
    with pytest.raises(MissingExtraError, match=r"pip install 'automodel-core\[video\]'"):
        processor()(tmp_path / "a.MP4")


def test_settings_have_a_file_of_their_own(tmp_path: Path) -> None:
    given = processor(num_frames=3, size={"height": 4, "width": 6})
    assert given.save_pretrained(tmp_path) == [str(tmp_path / "video_preprocessor_config.json")]
    written = json.loads((tmp_path / "video_preprocessor_config.json").read_text("utf-8"))
    assert written["video_processor_type"] == "BaseVideoProcessor"
    assert written["num_frames"] == 3
    assert "fps" not in written
    assert BaseVideoProcessor.from_pretrained(tmp_path) == given
    nested = {"video_processor": written, "image_processor": {"size": 1}}
    (tmp_path / "processor_config.json").write_text(json.dumps(nested), "utf-8")
    (tmp_path / "video_preprocessor_config.json").unlink()
    assert BaseVideoProcessor.from_pretrained(tmp_path) == given
    (tmp_path / "processor_config.json").unlink()
    with pytest.raises(CheckpointNotFoundError, match=r"video_preprocessor_config\.json was exp"):
        BaseVideoProcessor.from_pretrained(tmp_path)
    with pytest.raises(CheckpointNotFoundError, match="has no video processor"):
        AutoVideoProcessor.from_pretrained(tmp_path)
