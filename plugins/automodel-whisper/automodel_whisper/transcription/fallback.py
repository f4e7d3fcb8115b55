"""One window's tokens: decoded again, with more chance, where they look like no speech."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from automodel_core.generation import GenerateOutput


@dataclass(frozen=True)
class Thresholds:
    """What tokens must keep to: their compression ratio, mean log-probability and silence.

    ``None`` leaves out a test. A window is silent where the chance of no speech is above its
    threshold and tokens are unlikely, too.
    """

    compression_ratio: float | None = None
    logprob: float | None = None
    no_speech: float | None = None

    def verdict(
        self, tokens: Tensor, vocab_size: int, mean: Callable[[], float], silence: float
    ) -> tuple[bool, bool]:
        """Return whether to decode again, and whether nothing is said.

        ``mean`` computes the mean log-probability, ``silence`` is the chance of no speech.
        """
        unlikely = self.logprob is not None and mean() < self.logprob
        is_silent = self.no_speech is not None and silence > self.no_speech
        if is_silent and (unlikely or self.logprob is None):
            return False, True
        if self.compression_ratio is None:
            return unlikely, False
        return unlikely or compression_ratio(tokens, vocab_size) > self.compression_ratio, False


@dataclass(frozen=True)
class Run:
    """An output of ``generate``, and which row of it is a window's."""

    output: GenerateOutput
    row: int


@dataclass(frozen=True)
class Decoded:
    """The tokens of a window, without prompt, padding and end, and where they come from."""

    tokens: Tensor
    run: Run
    temperature: float
    is_silent: bool


def compression_ratio(tokens: Tensor, vocab_size: int) -> float:
    """Return how many times shorter the tokens' bytes are when they are packed."""
    length = int(math.log2(vocab_size) / 8) + 1
    raw = b"".join(token.to_bytes(length, "little") for token in tokens.tolist())
    return len(raw) / len(zlib.compress(raw))


def mean_logprob(scores: Tensor, tokens: Tensor, temperature: float) -> float:
    """Return the mean log-probability of tokens by the scores ``(steps, vocabulary)`` of a row."""
    count = min(len(scores), len(tokens))
    scores = scores[:count].to(tokens.device) * (temperature or 1.0)
    chances = scores.float().log_softmax(dim=-1).gather(-1, tokens[-count:, None])
    return float(chances.sum() / count)


def scores_of(run: Run) -> Tensor:
    """Return the scores ``(steps, vocabulary)`` by which a row's tokens were chosen."""
    steps: Sequence[Tensor] = run.output.scores
    rows: Any = [run.row] * len(steps)
    if run.output.beam_indices is not None:
        rows = run.output.beam_indices[run.row, : len(steps)].tolist()
    return torch.stack([step[row] for step, row in zip(steps, rows, strict=False)])


def without_padding(tokens: Tensor, pad: int | None, ends: Sequence[int]) -> Tensor:
    """Return tokens without their padding, their end included if there is one."""
    if pad is None or not len(tokens) or int(tokens[-1]) != pad:
        return tokens
    more = int((tokens == pad).sum()) - (pad in ends)
    return tokens[: len(tokens) - more]


def without_end(tokens: Tensor, ends: Sequence[int]) -> Tensor:
    """Return tokens without the one that ends them."""
    return tokens[:-1] if len(tokens) and int(tokens[-1]) in ends else tokens
