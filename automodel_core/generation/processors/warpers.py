"""Processors that shape the distribution to sample from: temperature and truncations."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from automodel_core.errors import GenerationArgumentError, shown
from automodel_core.generation.processors.base import (
    Device,
    InPlaceLogitsProcessor,
    checked_integer,
)

__all__ = [
    "EpsilonLogitsWarper",
    "EtaLogitsWarper",
    "MinPLogitsWarper",
    "TemperatureLogitsWarper",
    "TopHLogitsWarper",
    "TopKLogitsWarper",
    "TopPLogitsWarper",
    "TypicalLogitsWarper",
]


def _number(value: float, name: str, expected: str, holds: bool) -> float:
    if not holds:
        raise GenerationArgumentError(f"{name} must be {expected}, not {shown(value)}")
    return float(value)


class TemperatureLogitsWarper(InPlaceLogitsProcessor):
    """Divide the scores: below 1 the distribution becomes sharper, above 1 flatter."""

    def __init__(self, temperature: float) -> None:
        holds = 0 < temperature < math.inf
        self.temperature = _number(temperature, "temperature", "a finite number above 0", holds)

    def apply_(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        return scores.div_(self.temperature)


class _Truncation(InPlaceLogitsProcessor):
    """Base class of warpers that remove tokens, but never the best ``min_tokens_to_keep``."""

    def __init__(self, filter_value: float = -math.inf, min_tokens_to_keep: int = 1) -> None:
        self.filter_value = filter_value
        self.min_tokens_to_keep = checked_integer(min_tokens_to_keep, "min_tokens_to_keep", least=1)

    def removed(self, scores: Tensor) -> Tensor:
        """Return a mask of the tokens to remove, of the scores' shape."""
        raise TypeError(f"{type(self).__name__} does not define removed(scores)")

    def apply_(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        return scores.masked_fill_(self.removed(scores), self.filter_value)

    def below_best(self, scores: Tensor) -> Tensor:
        """Return a mask of the tokens that are worse than the best ``min_tokens_to_keep``."""
        count = min(self.min_tokens_to_keep, scores.shape[-1])
        return scores < scores.topk(count).values[..., -1:]


class TopKLogitsWarper(_Truncation):
    """Keep the k likeliest tokens, and those that tie with the last of them."""

    def __init__(
        self, top_k: int, filter_value: float = -math.inf, min_tokens_to_keep: int = 1
    ) -> None:
        super().__init__(filter_value, min_tokens_to_keep)
        self.top_k = max(checked_integer(top_k, "top_k", least=1), min_tokens_to_keep)

    def removed(self, scores: Tensor) -> Tensor:
        count = min(self.top_k, scores.shape[-1])
        return scores < scores.topk(count).values[..., -1:]


class TopPLogitsWarper(_Truncation):
    """Keep the likeliest tokens that together reach the probability p (arXiv:1904.09751)."""

    def __init__(
        self, top_p: float, filter_value: float = -math.inf, min_tokens_to_keep: int = 1
    ) -> None:
        super().__init__(filter_value, min_tokens_to_keep)
        self.top_p = _number(top_p, "top_p", "a number from 0 to 1", 0 <= top_p <= 1)

    def removed(self, scores: Tensor) -> Tensor:
        ascending, order = scores.sort()
        unlikely = ascending.softmax(dim=-1).cumsum(dim=-1) <= 1 - self.top_p
        unlikely[..., -self.min_tokens_to_keep :] = False
        return unlikely.scatter(-1, order, unlikely)


class MinPLogitsWarper(_Truncation):
    """Keep tokens at least ``min_p`` times as likely as the likeliest (arXiv:2407.01082)."""

    def __init__(
        self, min_p: float, filter_value: float = -math.inf, min_tokens_to_keep: int = 1
    ) -> None:
        super().__init__(filter_value, min_tokens_to_keep)
        self.min_p = _number(min_p, "min_p", "a number from 0 to 1", 0 <= min_p <= 1)

    def removed(self, scores: Tensor) -> Tensor:
        probabilities = scores.softmax(dim=-1)
        unlikely = probabilities < self.min_p * probabilities.amax(dim=-1, keepdim=True)
        best = probabilities.topk(min(self.min_tokens_to_keep, scores.shape[-1])).indices
        return unlikely.scatter_(-1, best, False)


class TypicalLogitsWarper(_Truncation):
    """Keep tokens whose information is nearest to the expected one (arXiv:2202.00666)."""

    def __init__(
        self, mass: float = 0.9, filter_value: float = -math.inf, min_tokens_to_keep: int = 1
    ) -> None:
        super().__init__(filter_value, min_tokens_to_keep)
        self.mass = _number(mass, "typical_p", "a number above 0 and below 1", 0 < mass < 1)

    def removed(self, scores: Tensor) -> Tensor:
        log_probabilities = scores.log_softmax(dim=-1)
        probabilities = log_probabilities.exp()
        entropy = -(log_probabilities * probabilities).nansum(dim=-1, keepdim=True)
        surprise, order = (-log_probabilities - entropy).abs().sort()
        mass = scores.gather(-1, order).softmax(dim=-1).cumsum(dim=-1)
        last = (mass < self.mass).sum(dim=-1, keepdim=True).clamp_(max=scores.shape[-1] - 1)
        untypical = surprise > surprise.gather(-1, last)
        untypical[..., : self.min_tokens_to_keep] = False
        return untypical.scatter(-1, order, untypical)


def _entropy(scores: Tensor) -> Tensor:
    """Return the entropy (rows,) of the distributions, in nats; impossible tokens add nothing."""
    log_probabilities = scores.log_softmax(dim=-1).clamp(min=torch.finfo(scores.dtype).min)
    return -(log_probabilities * log_probabilities.exp()).sum(dim=-1)


class EpsilonLogitsWarper(_Truncation):
    """Remove tokens less likely than epsilon (arXiv:2210.15191)."""

    def __init__(
        self, epsilon: float, filter_value: float = -math.inf, min_tokens_to_keep: int = 1
    ) -> None:
        super().__init__(filter_value, min_tokens_to_keep)
        holds = 0 < epsilon < 1
        self.epsilon = _number(epsilon, "epsilon_cutoff", "a number between 0 and 1", holds)

    def removed(self, scores: Tensor) -> Tensor:
        return (scores.softmax(dim=-1) < self.epsilon) & self.below_best(scores)


class EtaLogitsWarper(_Truncation):
    """Remove tokens below a threshold that falls with the entropy (arXiv:2210.15191)."""

    def __init__(
        self,
        epsilon: float,
        filter_value: float = -math.inf,
        min_tokens_to_keep: int = 1,
        device: Device = None,
    ) -> None:
        super().__init__(filter_value, min_tokens_to_keep)
        holds = 0 < epsilon < 1
        self.epsilon = _number(epsilon, "eta_cutoff", "a number between 0 and 1", holds)

    def removed(self, scores: Tensor) -> Tensor:
        entropy = _entropy(scores)
        eta = (math.sqrt(self.epsilon) * torch.exp(-entropy)).clamp_(max=self.epsilon)
        return (scores.softmax(dim=-1) < eta[..., None]) & self.below_best(scores)


class TopHLogitsWarper(_Truncation):
    """Keep the likeliest of 100 tokens while their entropy stays below a share of the whole.

    See arXiv:2509.02510; the best token is always kept.
    """

    top_n = 100

    def __init__(self, top_h: float, filter_value: float = -math.inf) -> None:
        super().__init__(filter_value)
        self.top_h = _number(top_h, "top_h", "a number above 0 and at most 1", 0 < top_h <= 1)

    def removed(self, scores: Tensor) -> Tensor:
        best, order = scores.topk(min(self.top_n, scores.shape[-1]))
        log_probabilities = best.log_softmax(dim=-1)
        terms = -log_probabilities * log_probabilities.exp()
        limit = _entropy(best)[:, None] * self.top_h
        beyond = ~(terms.cumsum(dim=-1) <= limit)  # also where an impossible token makes it NaN
        beyond[:, 0] = False
        return torch.ones_like(scores, dtype=torch.bool).scatter_(-1, order, beyond)
