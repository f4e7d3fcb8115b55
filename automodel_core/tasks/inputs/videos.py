"""Videos as calls are given them: frames, or files and addresses that PyAV decodes."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from automodel_core.errors import InputError, MissingExtraError, shown
from automodel_core.tasks.inputs.fetching import fetch, is_address
from automodel_core.tasks.inputs.pictures import picture
from automodel_core.vision.images import is_array

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
        return _decoded(source, wanted)
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


def _decoded(source: Any, wanted: Sequence[int]) -> list[Tensor]:
    try:
        av: Any = import_module("av")
    except ImportError as error:
        raise MissingExtraError(
            "reading a video file needs PyAV, which is not installed: pip install av; or give the "
            "frames, as a list of pictures"
        ) from error
    if isinstance(source, str) and is_address(source):
        source = fetch(source)
    name = "the video" if isinstance(source, bytes) else shown(os.fspath(source))
    if not isinstance(source, bytes) and not os.path.isfile(source):
        raise InputError(f"there is no video file {name}")
    opened = io.BytesIO(source) if isinstance(source, bytes) else os.fspath(source)
    try:
        with av.open(opened) as container:
            found = dict(_chosen(container.decode(video=0), wanted))
    except (OSError, IndexError, ValueError) as error:
        raise InputError(f"{name} is no video that PyAV reads: {error}") from error
    if len(found) < len(set(wanted)):
        raise InputError(
            f"{name} ends before frame {max(wanted)}: give a smaller num_frames= or "
            "frame_sampling_rate="
        )
    return [found[index] for index in wanted]


def _chosen(decoded: Iterable[Any], wanted: Sequence[int]) -> Iterable[tuple[int, Tensor]]:
    for index, frame in enumerate(decoded):
        if index > max(wanted):
            return
        if index in wanted:
            yield index, torch.from_numpy(frame.to_ndarray(format="rgb24")).permute(2, 0, 1)
