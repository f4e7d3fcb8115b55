"""From the tokens of a window to segments with times, and from segments to one sequence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Segment = dict[str, Any]
"""``start`` and ``end`` in seconds, ``tokens``, their place ``idxs`` in the ``result`` of a run."""

FRAMES_PER_STATE = 2


@dataclass(frozen=True)
class Clock:
    """What timestamps mean: the first one's token, and seconds for a step and for a frame."""

    timestamp_begin: int
    precision: float
    frame_precision: float

    def seconds(self, frames: int) -> Tensor:
        """Return the time of a frame."""
        return torch.tensor(frames, dtype=torch.float64) * self.precision / FRAMES_PER_STATE


@dataclass(frozen=True)
class Written:
    """What a run wrote for one window: ``tokens`` without its end, behind a prompt in ``result``.

    ``times`` are the seconds of all tokens of the result, if they were asked for.
    """

    tokens: Tensor
    prompt_length: int
    result: Any
    times: Tensor | None = None


def split(written: Written, seek: int, frames: int, clock: Clock) -> tuple[list[Segment], int]:
    """Return the segments of a window of ``frames`` from ``seek`` on, and how far to move on.

    Segments end where two timestamps stand together. What is begun after the last of these pairs is
    heard again in the next window, unless the window ends with a single timestamp: then nothing is
    said after it.
    """
    begin = clock.timestamp_begin
    is_time = [token >= begin for token in written.tokens.tolist()]
    ends = [i + 1 for i in range(len(is_time) - 1) if is_time[i] and is_time[i + 1]]
    if not ends:
        return [_whole(written, is_time, seek, frames, clock)], frames
    ends_single = is_time[-2:] == [False, True]
    if ends_single:
        ends.append(len(is_time))
    else:
        ends[-1] += 1  # the second of the pair shows that this was no single one
    segments, start = [], 0
    for end in ends:
        tokens = written.tokens[start:end]
        last = tokens[-2 if end == ends[-1] and not ends_single else -1]
        offset = clock.seconds(seek)
        times = [
            offset + (token - begin).to("cpu", torch.float64) * clock.precision
            for token in (tokens[0], last)
        ]
        segments.append(_segment(written, start, end, times[0], times[1], offset))
        start = end
    if ends_single:
        return segments, frames
    moved = int(written.tokens[start - 2] - begin) * FRAMES_PER_STATE
    return segments, moved or frames


def _whole(written: Written, is_time: list[bool], seek: int, frames: int, clock: Clock) -> Segment:
    """Return a window as one segment, which ends at its last timestamp if it has one."""
    offset = clock.seconds(seek)
    last: Any = int(frames * clock.frame_precision / clock.precision)
    if any(is_time):
        token = int(written.tokens[len(is_time) - 1 - is_time[::-1].index(True)])
        last = last if token == clock.timestamp_begin else token - clock.timestamp_begin
    return _segment(written, 0, len(is_time), offset, offset + last * clock.precision, offset)


def _segment(
    written: Written, first: int, last: int, start: Tensor, end: Tensor, offset: Tensor
) -> Segment:
    place = written.prompt_length + first, written.prompt_length + last
    segment = {
        "start": start,
        "end": end,
        "tokens": written.tokens[first:last],
        "idxs": place,
        "result": written.result,
    }
    if written.times is not None:
        segment["token_timestamps"] = written.times[slice(*place)] + offset
    return segment


def joined(rows: Sequence[Sequence[Tensor]], device: torch.device) -> list[Tensor]:
    """Return the parts of each row one behind another; a row may have none."""
    none = torch.zeros(0, dtype=torch.long, device=device)
    return [torch.cat([none, *row]) if row else none for row in rows]


def padded(rows: Sequence[Tensor], fill: float | None, *, left: bool = False) -> Tensor:
    """Return rows as one tensor; without ``fill`` they are filled with their last values."""
    width = max(len(row) for row in rows)
    filled = []
    for row in rows:
        value = fill if fill is not None else float(row[-1]) if len(row) else 0.0
        more = row.new_full((width - len(row),), value)
        filled.append(torch.cat([more, row] if left else [row, more]))
    return torch.stack(filled)
