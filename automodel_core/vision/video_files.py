"""Frames of a video in a file, decoded by PyAV.

Needs the extra ``automodel-core[video]``.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Collection
from importlib import import_module
from typing import Any

from torch import Tensor

from automodel_core.errors import InputError, MissingExtraError, shown
from automodel_core.vision.images import image_tensor
from automodel_core.vision.settings import MOST_PIXELS
from automodel_core.vision.videos import VideoMetadata

__all__ = ["decoded_frames"]

OPTIONS = {
    "protocol_whitelist": "file",
    "format_whitelist": "asf,avi,flv,matroska,mov,mpeg,mpegts,mp4,ogg,webm",
}
"""What FFmpeg may open: videos, and no lists that name other files or addresses."""
MOST_VIDEO_PIXELS = 12 * MOST_PIXELS
"""Of all frames that are kept of one video, about three gigabytes."""


def decoded_frames(
    source: str | os.PathLike[str] | bytes, choose: Callable[[VideoMetadata], Collection[int]]
) -> tuple[list[Tensor], VideoMetadata]:
    """Return frames ``(3, height, width)`` of a video, upright, and what is known of it.

    ``source`` is the path of a file, or what is in one. ``choose`` returns the indices of the
    frames to keep. Raises `InputError` for what is no video and for more pixels than
    `MOST_VIDEO_PIXELS`, `MissingExtraError` without PyAV.
    """
    name = "the video" if isinstance(source, bytes) else shown(os.fspath(source))
    if not isinstance(source, bytes) and not os.path.isfile(source):
        raise InputError(f"there is no video file {name}")
    av = _av()
    try:
        with _opened(av, source) as container:
            metadata = _metadata(_stream(container, name), container)
        wanted = metadata.frames_indices = sorted(choose(metadata))
        _check_pixels(metadata, len(set(wanted)))
        with _opened(av, source) as container:
            kept = _frames(_stream(container, name), container, set(wanted))
    except av.FFmpegError as error:
        raise InputError(
            f"{name} is not a video that FFmpeg reads: {type(error).__name__}: {shown(str(error))}"
        ) from error
    missing = set(wanted) - kept.keys()
    if missing:
        raise InputError(
            f"{name} ends before frame {min(missing)}: it has {metadata.total_num_frames} frames, "
            "so take fewer"
        )
    return [kept[index] for index in wanted], metadata


def _av() -> Any:
    try:
        return import_module("av")
    except ImportError as error:
        raise MissingExtraError(
            "reading a video file needs PyAV: pip install 'automodel-core[video]'; frames may be "
            "given without it"
        ) from error


def _opened(av: Any, source: str | os.PathLike[str] | bytes) -> Any:
    file = io.BytesIO(source) if isinstance(source, bytes) else os.fspath(source)
    return av.open(file, options=OPTIONS)


def _stream(container: Any, name: str) -> Any:
    if not container.streams.video:
        raise InputError(f"{name} holds no video")
    stream = container.streams.video[0]
    stream.thread_type = "AUTO"
    return stream


def _metadata(stream: Any, container: Any) -> VideoMetadata:
    rate = float(stream.average_rate) if stream.average_rate else None
    # Some files do not say how many frames they have.
    count = stream.frames or sum(1 for _ in container.decode(stream))
    return VideoMetadata(
        total_num_frames=count,
        fps=rate,
        width=stream.codec_context.width,
        height=stream.codec_context.height,
        duration=count / rate if rate else None,
        video_backend="pyav",
    )


def _check_pixels(metadata: VideoMetadata, count: int) -> None:
    pixels = count * (metadata.width or 0) * (metadata.height or 0)
    if pixels > MOST_VIDEO_PIXELS:
        raise InputError(
            f"{count} frames of {metadata.width} x {metadata.height} are more than the "
            f"{MOST_VIDEO_PIXELS} pixels that are kept of a video: take fewer, by "
            "do_sample_frames=True and num_frames"
        )


def _frames(stream: Any, container: Any, wanted: set[int]) -> dict[int, Tensor]:
    """Return the frames at these indices."""
    kept: dict[int, Tensor] = {}
    for index, frame in enumerate(container.decode(stream)):
        if len(kept) == len(wanted):
            break
        if index in wanted:
            # The camera may have been held upright.
            picture = frame.to_image().rotate(frame.rotation, expand=True)
            kept[index] = image_tensor(picture, convert_rgb=True)
    return kept
