"""Videos of any kind as lists of frames, and which frames are taken of them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from automodel_core.errors import InputError, shown
from automodel_core.vision.images import is_array

__all__ = ["VideoMetadata", "frame_indices", "is_video_file", "metadata_of", "single_videos"]

VIDEO_FILES = (
    *(".3gp", ".avi", ".flv", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg"),
    *(".mts", ".ogv", ".ts", ".webm", ".wmv"),
)
"""Endings of the names of videos; files with other names are pictures."""


@dataclass
class VideoMetadata:
    """What is known of a video before frames are taken of it.

    ``duration`` is in seconds; ``frames_indices`` are the frames that were taken.
    """

    total_num_frames: int
    fps: float | None = None
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    video_backend: str | None = None
    frames_indices: list[int] | None = None


def single_videos(videos: Any) -> list[Any]:
    """Return the single videos in a video, a batch, or nested lists of them, in order.

    A video is an array or tensor of frames, a list of them, or the path of a file; a frame is an
    image of any kind. A frame alone is a video of one.
    """
    if isinstance(videos, list | tuple):
        are_videos = [_is_video(each) for each in videos]
        if all(are_videos):
            return [single for each in videos for single in single_videos(each)]
        if any(are_videos):
            raise InputError("a list holds either videos or the frames of one, and not both")
        return [list(videos)]
    if is_array(videos) and videos.ndim > 4:
        return [single for each in videos for single in single_videos(each)]
    return [videos] if _is_video(videos) else [[videos]]


def _is_video(value: Any) -> bool:
    """Return whether a value is a video, or several, and no frame of one."""
    if is_array(value):
        return bool(value.ndim > 3)
    return isinstance(value, list | tuple) or is_video_file(value)


def is_video_file(value: Any) -> bool:
    """Return whether a value is the path of a video, by the ending of its name."""
    if not isinstance(value, str | os.PathLike):
        return False
    return os.path.splitext(os.fspath(value))[1].lower() in VIDEO_FILES


def metadata_of(given: Any, count: int) -> list[VideoMetadata | None]:
    """Return what the caller says of each of ``count`` videos: one entry for each, or none."""
    if given is None:
        return [None] * count
    entries = list(given) if isinstance(given, Sequence) else [given]
    if len(entries) != count:
        raise InputError(f"{len(entries)} video_metadata were given for {count} videos")
    return [_metadata(entry) for entry in entries]


def _metadata(entry: Any) -> VideoMetadata:
    if isinstance(entry, VideoMetadata):
        return entry
    known = {field.name for field in fields(VideoMetadata)}
    if not isinstance(entry, Mapping) or not {"total_num_frames"} <= entry.keys() <= known:
        raise InputError(
            f"video_metadata={shown(entry)}: expected a table with total_num_frames, and of "
            f"{', '.join(sorted(known))}"
        )
    return VideoMetadata(**entry)


def frame_indices(
    metadata: VideoMetadata, num_frames: int | None = None, fps: float | None = None
) -> list[int]:
    """Return which frames to take: ``num_frames``, or ``fps`` a second, spread evenly, or all.

    Raises `InputError` for both, for more than there are, and for an unknown rate.
    """
    total = metadata.total_num_frames
    if num_frames is not None and fps is not None:
        raise InputError("num_frames and fps both say how many frames are taken: give one of them")
    if fps is not None:
        if not metadata.fps:
            raise InputError(
                f"fps={fps} frames of each second cannot be taken of a video whose own rate is "
                "not known: give video_metadata with fps, or num_frames"
            )
        num_frames = max(1, int(total / metadata.fps * fps))
    if num_frames is None:
        return list(range(total))
    if num_frames > total:
        raise InputError(f"{num_frames} frames cannot be taken of a video of {total}")
    return [place * total // num_frames for place in range(num_frames)]
