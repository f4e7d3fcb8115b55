"""PyAV reads videos from files, upright, and only the frames that are asked for."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from automodel_core.errors import InputError
from automodel_core.tasks.inputs.videos import frames
from automodel_core.vision import BaseVideoProcessor
from automodel_core.vision.video_files import decoded_frames

COUNT, HEIGHT, WIDTH, RATE = 12, 48, 64, 6


def film(path: Path) -> Path:
    """Write a video whose frames get lighter, with a bright upper half."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=Fraction(RATE))
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.bit_rate = 4_000_000
        for index in range(COUNT):
            frame = np.full((HEIGHT, WIDTH, 3), 10 * index, dtype=np.uint8)
            frame[: HEIGHT // 2] += 100
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def test_frames_of_a_file(tmp_path: Path) -> None:
    path = film(tmp_path / "film.mp4")
    frames, metadata = decoded_frames(path, lambda metadata: range(metadata.total_num_frames))
    assert (metadata.total_num_frames, metadata.fps, metadata.duration) == (COUNT, RATE, 2.0)
    assert (metadata.height, metadata.width, metadata.video_backend) == (HEIGHT, WIDTH, "pyav")
    for index, frame in enumerate(frames):
        assert frame.shape == (3, HEIGHT, WIDTH)
        assert frame.dtype == torch.uint8
        assert abs(frame[:, : HEIGHT // 2 - 4].float().mean() - (10 * index + 100)) < 6
        assert abs(frame[:, HEIGHT // 2 + 4 :].float().mean() - 10 * index) < 6


def test_content_of_a_file(tmp_path: Path) -> None:
    path = film(tmp_path / "film.mp4")
    expected, _ = decoded_frames(path, lambda metadata: [2, 7])
    for found in (
        decoded_frames(path.read_bytes(), lambda metadata: [2, 7])[0],
        frames(str(path), [2, 7]),
        frames(path.read_bytes(), [2, 7]),
    ):
        assert all(torch.equal(*pair) for pair in zip(found, expected, strict=True))
    with pytest.raises(InputError, match="the video is not a video that FFmpeg reads"):
        decoded_frames(b"no film", lambda metadata: [0])


def test_a_processor_takes_some_frames_of_files(tmp_path: Path) -> None:
    path = film(tmp_path / "film.mp4")
    processor = BaseVideoProcessor(size={"height": 8, "width": 8}, do_normalize=False)
    for asked, taken in (({"num_frames": 4}, [0, 3, 6, 9]), ({"fps": 2}, [0, 3, 6, 9])):
        features = processor(
            [path, str(path)],
            do_sample_frames=True,
            return_metadata=True,
            return_tensors="pt",
            **asked,
        )
        assert features["pixel_values_videos"].shape == (2, 4, 3, 8, 8)
        assert [each.frames_indices for each in features["video_metadata"]] == [taken] * 2
    assert processor(path, return_tensors="pt")["pixel_values_videos"].shape[1] == COUNT


def test_what_is_no_video(tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no film at all" * 40)
    lists = tmp_path / "list.ts"
    lists.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n/etc/hosts\n#EXT-X-ENDLIST\n")
    for path in (broken, lists):
        for given in (path, path.read_bytes()):
            with pytest.raises(InputError, match="is not a video that FFmpeg reads"):
                decoded_frames(given, lambda metadata: [0])
    with pytest.raises(InputError, match="ends before frame 99: it has 12 frames"):
        decoded_frames(film(tmp_path / "film.mp4"), lambda metadata: [99])
