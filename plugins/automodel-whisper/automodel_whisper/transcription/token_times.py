"""When each token was said, by what the decoder attends to while it is written."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

Heads = Sequence[Sequence[int]]
"""Numbers of a layer and of a head in it, for each head that follows the speech."""


def alignment(attentions: Sequence[Tensor], heads: Heads) -> Tensor:
    """Return what the chosen heads of one row attend to, ``(heads, tokens, frames)``.

    ``attentions`` are ``(1, heads, tokens, frames)`` of each layer.
    """
    return torch.stack([attentions[layer][0, head] for layer, head in heads]).float()


def token_times(weights: Tensor, filter_width: int, precision: float) -> Tensor:
    """Return the seconds ``(tokens,)`` at which tokens begin, from `alignment`.

    What each head attends to is compared between tokens, smoothed over ``filter_width`` frames,
    averaged, and warped into a path through both times.
    """
    if weights.shape[1] == 0:
        return torch.zeros(0)
    spread, mean = torch.std_mean(weights, dim=-2, keepdim=True, unbiased=False)
    # Of one token there is nothing to compare.
    scores = smoothed(((weights - mean) / spread).nan_to_num(), filter_width).mean(dim=0)
    return torch.tensor(first_frames(-scores.cpu().double()), dtype=torch.float64) * precision


def smoothed(weights: Tensor, width: int) -> Tensor:
    """Return the medians of ``width`` neighbours along the last dimension."""
    reach = width // 2
    if weights.shape[-1] <= reach:
        return weights
    padded = F.pad(weights, (reach, reach), mode="reflect")
    return padded.unfold(-1, width, 1).sort(dim=-1).values[..., reach]


def first_frames(costs: Tensor) -> list[int]:
    """Return the first frame of each token on the cheapest path through ``(tokens, frames)``.

    It is dynamic time warping, a diagonal at a time: the cells of one need only those before it.
    """
    tokens, frames = costs.shape
    flat = costs.reshape(-1)
    step = max(frames - 1, 1)
    before = torch.full((tokens + 1,), torch.inf)
    before[0] = 0.0
    last = torch.full((tokens + 1,), torch.inf)
    moves: list[tuple[int, list[int]]] = []
    for diagonal in range(2, tokens + frames + 1):
        low, high = max(1, diagonal - frames), min(tokens, diagonal - 1)
        both, token, frame = before[low - 1 : high], last[low - 1 : high], last[low : high + 1]
        by_both = (both < token) & (both < frame)
        by_token = (token < both) & (token < frame)
        cheapest = torch.where(by_both, both, torch.where(by_token, token, frame))
        start = (low - 1) * frames + diagonal - low - 1
        own = flat[start : start + step * (high - low) + 1 : step]
        before, last = last, torch.full((tokens + 1,), torch.inf)
        last[low : high + 1] = (own + cheapest.double()).float()
        # 0: a new token in a new frame, 1: a new token, 2: a new frame.
        moves.append((low, torch.where(by_both, 0, torch.where(by_token, 1, 2)).tolist()))
    return _walked_back(moves, tokens, frames)


def _walked_back(moves: list[tuple[int, list[int]]], tokens: int, frames: int) -> list[int]:
    """Return the first frame of each token on the path that ends at the last cell."""
    token, frame = tokens, frames
    first = [0] * tokens
    while token > 0:
        first[token - 1] = max(frame - 1, 0)
        low, row = moves[token + frame - 2] if frame > 0 else (0, [])
        move = row[token - low] if frame > 0 else 1
        token -= move != 2
        frame -= move != 1
    return first
