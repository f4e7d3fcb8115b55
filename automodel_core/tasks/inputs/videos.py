"""Videos as calls are given them: frames, or files and addresses that PyAV decodes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from automodel_core.errors import InputError
from automodel_core.tasks.inputs.fetching import fetch, is_address
from automodel_core.tasks.inputs.pictures import picture
from automodel_core.vision.images import is_array
from automodel_core.vision.video_files import decoded_frames

__all__ = ["frames", "places"]


def places(count: int, rate: int) -> list[int]:
    """Return which frames are taken: ``count`` of them, every ``rate``-th, from the first on."""
    if count < 1 or rate < 1:
        raise InputError(f"num_frames={count} and frame_sampling_rate={rate} begin at 1")
    last = count * rate - 1
    return [0] if count == 1 else [last * index // (count - 1) for index in range(count)]


def frames(source: Any, wanted: Sequence[int]) -> list[Tensor]:
    """Return the wanted frames of a video, each ``(3, height, width)``.

    ``source`` is a list of pictures, an array or tensor of frames, or the path or address of a
    file. Frames that are exactly as many as wanted are all taken.
    """
    if isinstance(source, bytes | str | os.PathLike):
        if isinstance(source, str) and is_address(source):
            source = fetch(source)
        return decoded_frames(source, lambda metadata: wanted)[0]
    if is_array(source) and source.ndim == 4:
        source = list(source)
    if not isinstance(source, list | tuple) or not source:
        raise InputError(
            f"a video is a list of frames, an array of them, or a file; got {type(source).__name__}"
        )
    chosen = range(len(source)) if len(source) == len(wanted) else wanted
    if max(chosen) >= len(source):
        raise InputError(
            f"the video has {len(source)} frames, and frame {max(chosen)} is wanted: give a "
            "smaller num_frames= or frame_sampling_rate="
        )
    return [picture(source[index]) for index in chosen]
