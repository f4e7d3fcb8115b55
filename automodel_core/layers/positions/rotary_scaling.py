"""Frequencies of rotary positions, for longer texts than a model was first trained on."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

__all__ = [
    "DynamicScaling",
    "LinearScaling",
    "Llama3Scaling",
    "LongRopeScaling",
    "RotaryScaling",
    "YarnScaling",
    "rotary_scaling",
]


@dataclass(frozen=True)
class RotaryScaling:
    """Frequencies as the paper has them: ``theta`` to powers from 0 down to nearly -1."""

    depends_on_length: ClassVar[bool] = False
    """Whether the frequencies change with the length of the text."""

    @property
    def attention_factor(self) -> float:
        """What sines and cosines are multiplied by."""
        return 1.0

    def frequencies(self, features: int, theta: float | Tensor, length: Tensor) -> Tensor:
        """Return the angle ``(features / 2,)`` from one position to the next.

        ``length`` (a scalar, on the device of the result) counts the positions of the text.
        """
        powers = torch.arange(0, features, 2, device=length.device).float() / features
        return 1.0 / theta**powers


@dataclass(frozen=True)
class LinearScaling(RotaryScaling):
    """Positions that are divided by ``factor`` (https://arxiv.org/abs/2306.15595)."""

    factor: float

    def frequencies(self, features: int, theta: float | Tensor, length: Tensor) -> Tensor:
        return super().frequencies(features, theta, length) / self.factor


@dataclass(frozen=True)
class DynamicScaling(RotaryScaling):
    """A ``theta`` that grows with texts of more than ``max_positions``, as NTK-aware scaling."""

    factor: float
    max_positions: int

    depends_on_length: ClassVar[bool] = True

    def frequencies(self, features: int, theta: float | Tensor, length: Tensor) -> Tensor:
        stretch = length.double().clamp(min=self.max_positions) / self.max_positions
        growth = self.factor * stretch - (self.factor - 1)
        return super().frequencies(features, theta * growth ** (features / (features - 2)), length)


@dataclass(frozen=True)
class YarnScaling(RotaryScaling):
    """High frequencies as they are, low ones divided by ``factor`` (https://arxiv.org/abs/2309.00071).

    Frequencies of more than ``beta_fast`` turns in ``original`` positions are high, those of fewer
    than ``beta_slow`` low; in between it goes by their number, from whole ones if ``truncate``.
    ``magnitude`` is the attention factor, by default the paper's.
    """

    factor: float
    original: int
    magnitude: float | None = None
    beta_fast: float = 32.0
    beta_slow: float = 1.0
    truncate: bool = True

    @property
    def attention_factor(self) -> float:
        return yarn_magnitude(self.factor) if self.magnitude is None else self.magnitude

    def frequencies(self, features: int, theta: float | Tensor, length: Tensor) -> Tensor:
        plain = super().frequencies(features, theta, length)
        first, last = (
            features * math.log(self.original / (turns * 2 * math.pi)) / (2 * math.log(theta))
            for turns in (self.beta_fast, self.beta_slow)
        )
        if self.truncate:
            first, last = math.floor(first), math.ceil(last)
        first, last = max(first, 0), min(last, features - 1)
        numbers = torch.arange(features // 2, device=length.device).float()
        low = ((numbers - first) / ((last - first) or 0.001)).clamp(0, 1)
        return plain * (1 - low) + plain / self.factor * low


@dataclass(frozen=True)
class LongRopeScaling(RotaryScaling):
    """A divisor for each frequency (https://arxiv.org/abs/2402.13753).

    Texts of more than ``original`` positions have ``long_factor``, others ``short_factor``;
    ``magnitude`` is the attention factor.
    """

    short_factor: tuple[float, ...]
    long_factor: tuple[float, ...]
    original: int
    magnitude: float = 1.0

    depends_on_length: ClassVar[bool] = True

    @property
    def attention_factor(self) -> float:
        return self.magnitude

    def frequencies(self, features: int, theta: float | Tensor, length: Tensor) -> Tensor:
        short, long = (
            torch.tensor(factors, device=length.device)
            for factors in (self.short_factor, self.long_factor)
        )
        plain = super().frequencies(features, theta, length)
        return plain / torch.where(length > self.original, long, short)


@dataclass(frozen=True)
class Llama3Scaling(RotaryScaling):
    """High frequencies as they are, low ones divided by ``factor``, as Llama 3.1 has them.

    Frequencies of more than ``high_freq_factor`` turns in ``original`` positions are high, those of
    fewer than ``low_freq_factor`` low; in between it goes by their turns.
    """

    factor: float
    low_freq_factor: float
    high_freq_factor: float
    original: int

    def frequencies(self, features: int, theta: float | Tensor, length: Tensor) -> Tensor:
        plain = super().frequencies(features, theta, length)
        turns = self.original * plain / (2 * math.pi)
        span = self.high_freq_factor - self.low_freq_factor
        high = ((turns - self.low_freq_factor) / span).clamp(0, 1)
        return plain * high + plain / self.factor * (1 - high)


def yarn_magnitude(factor: float, weight: float = 1.0) -> float:
    return 0.1 * weight * math.log(factor) + 1.0 if factor > 1 else 1.0


def rotary_scaling(parameters: Mapping[str, Any], max_positions: int) -> RotaryScaling:
    """Return the scaling that a configuration's ``rope_parameters`` describe, in the hub's keys.

    Raises ``ValueError`` for a ``rope_type`` that is not there, or a key that it lacks.
    """
    kind = parameters.get("rope_type", parameters.get("type", "default"))
    if kind not in ROPE_TYPES:
        raise ValueError(f"rope_type={kind!r} is not available; {', '.join(ROPE_TYPES)} are")
    try:
        return ROPE_TYPES[kind](parameters, max_positions)
    except KeyError as error:
        raise ValueError(f"rope_type={kind!r} needs the key {error}") from None


def _yarn(parameters: Mapping[str, Any], max_positions: int) -> YarnScaling:
    original = parameters.get("original_max_position_embeddings") or max_positions
    factor = parameters.get("factor") or max_positions / original
    magnitude = parameters.get("attention_factor")
    above, below = parameters.get("mscale"), parameters.get("mscale_all_dim")
    if magnitude is None and above and below:
        magnitude = yarn_magnitude(factor, above) / yarn_magnitude(factor, below)
    return YarnScaling(
        factor,
        original,
        magnitude,
        parameters.get("beta_fast") or 32.0,
        parameters.get("beta_slow") or 1.0,
        parameters.get("truncate", True),
    )


def _longrope(parameters: Mapping[str, Any], max_positions: int) -> LongRopeScaling:
    original = parameters.get("original_max_position_embeddings") or max_positions
    factor = parameters.get("factor") or max_positions / original
    magnitude = parameters.get("attention_factor")
    if magnitude is None:
        magnitude = math.sqrt(1 + math.log(factor) / math.log(original)) if factor > 1 else 1.0
    short, long = tuple(parameters["short_factor"]), tuple(parameters["long_factor"])
    return LongRopeScaling(short, long, original, magnitude)


def _llama3(parameters: Mapping[str, Any], max_positions: int) -> Llama3Scaling:
    original = parameters.get("original_max_position_embeddings") or max_positions
    return Llama3Scaling(
        parameters["factor"],
        parameters["low_freq_factor"],
        parameters["high_freq_factor"],
        original,
    )


ROPE_TYPES: Mapping[str, Callable[[Mapping[str, Any], int], RotaryScaling]] = {
    "default": lambda parameters, max_positions: RotaryScaling(),
    "dynamic": lambda parameters, max_positions: DynamicScaling(
        parameters["factor"], max_positions
    ),
    "linear": lambda parameters, max_positions: LinearScaling(parameters["factor"]),
    "llama3": _llama3,
    "longrope": _longrope,
    "yarn": _yarn,
}
"""The scalings by their ``rope_type``."""
