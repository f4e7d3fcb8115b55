"""The likeliest spans of tokens, by scores of where an answer starts and ends."""

from __future__ import annotations

from torch import Tensor

__all__ = ["NO_ANSWER", "best_spans", "span_probabilities"]

NO_ANSWER = 1_000_000.0
"""What the score of "there is no answer" begins with, before any window has one."""


def span_probabilities(start: Tensor, end: Tensor, allowed: Tensor) -> tuple[Tensor, Tensor, float]:
    """Return probabilities of start and end ``(length)``, and that the first token is both.

    The last is the probability that there is no answer; the first token is no answer itself.
    """
    start, end = (
        scores.float().masked_fill(~allowed, -10_000.0).softmax(dim=-1) for scores in (start, end)
    )
    nothing = float(start[0] * end[0])
    start[0] = end[0] = 0.0
    return start, end, nothing


def best_spans(
    start: Tensor, end: Tensor, allowed: Tensor, top_k: int, longest: int
) -> list[tuple[int, int, float]]:
    """Return first token, last token and score of the likeliest spans, the likeliest first."""
    length = start.shape[0]
    scores = (start[:, None] * end[None, :]).triu().tril(longest - 1)
    values, places = scores.flatten().topk(min(top_k, length * length))
    found = []
    for value, place in zip(values.tolist(), places.tolist(), strict=True):
        first, last = divmod(place, length)
        if first <= last and bool(allowed[first]) and bool(allowed[last]):
            found.append((first, last, value))
    return found
