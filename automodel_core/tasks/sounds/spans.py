"""Parts of a recording that are heard one by one, and what of each counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from automodel_core.errors import InputError

__all__ = ["Span", "chunk_spans", "given_span"]


@dataclass(frozen=True)
class Span:
    """Samples from ``begin`` before ``end``; those of ``left`` and ``right`` are context alone."""

    begin: int
    end: int
    left: int = 0
    right: int = 0

    def frames(self, step: int) -> slice:
        """Return which frames count, of those that are ``step`` samples apart."""
        if not self.left and not self.right:
            return slice(None)
        samples = self.end - self.begin
        count = round(samples / step)
        left = round(self.left / samples * count)
        return slice(left, count - round(self.right / samples * count))


def chunk_spans(
    samples: int,
    seconds: tuple[float, float | Sequence[float] | None],
    sampling_rate: int,
    step: int,
) -> list[Span]:
    """Return chunks of whole frames, ``step`` samples each, that cover a recording.

    ``seconds`` are the length of a chunk, and how much of it is context, on each side or on both.
    """
    length, context = seconds
    if context is None:
        context = length / 6
    left, right = context if isinstance(context, Sequence) else (context, context)
    size, before, behind = (
        round(each * sampling_rate / step) * step for each in (length, left, right)
    )
    if size <= before + behind:
        raise InputError(
            f"chunk_length_s={length} is not longer than what overlaps, stride_length_s: {left} "
            f"and {right} seconds"
        )
    spans: list[Span] = []
    for begin in range(0, samples, size - before - behind):
        end = min(begin + size, samples)
        is_last = begin + size >= samples
        span = Span(begin, end, before if begin else 0, 0 if is_last else behind)
        if end - begin > span.left:
            spans.append(span)
        if is_last:
            break
    return spans


def given_span(item: Any, waveform: Tensor, sampling_rate: int) -> Span:
    """Return the whole of a recording, without the ``stride`` that a dict names as context."""
    count = len(waveform)
    stride = item.get("stride") if isinstance(item, Mapping) else None
    if stride is None:
        return Span(0, count)
    ratio = sampling_rate / item.get("sampling_rate", sampling_rate)
    left, right = (round(each * ratio) for each in stride)
    if left + right > count:
        raise InputError(f"stride={tuple(stride)} is longer than the recording")
    return Span(0, count, left, right)
