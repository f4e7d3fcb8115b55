"""Rotary positions: queries and keys turned by angles that grow with the position.

Their products then depend on the distance between them alone (https://arxiv.org/abs/2104.09864).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from automodel_core.layers.positions.rotary_scaling import RotaryScaling, rotary_scaling
from automodel_core.layers.tracing import in_trace

__all__ = ["RotaryEmbedding", "Rotation"]


class Rotation:
    """Cosines and sines of the positions of one forward, computed once for all layers.

    ``cos`` and ``sin`` are ``(batch or 1, 1, length, features)``. Feature ``i`` of the first half
    makes a pair with feature ``i`` of the second; the sines of the first half are negative.
    """

    def __init__(self, cos: Tensor, sin: Tensor) -> None:
        self.cos = cos
        self.sin = sin

    def to(self, device: torch.device | str | int) -> Rotation:
        """Return the same for states on another device."""
        return Rotation(self.cos.to(device), self.sin.to(device))

    def __call__(self, states: Tensor) -> Tensor:
        """Turn the first features of ``(batch, heads, length, head_dim)``; the others stay."""
        features = self.cos.shape[-1]
        if features < states.shape[-1]:
            return torch.cat([self(states[..., :features]), states[..., features:]], dim=-1)
        first, second = states.chunk(2, dim=-1)
        return torch.addcmul(states * self.cos, torch.cat([second, first], dim=-1), self.sin)


class RotaryEmbedding:
    """Rotary positions of ``features`` of each head, with wavelengths up to ``2 pi theta``.

    It is no module: its numbers are of single precision, whatever the model's precision is.
    """

    def __init__(
        self, features: int, theta: float = 10_000.0, scaling: RotaryScaling | None = None
    ) -> None:
        self.features = features
        self.theta = theta
        self.scaling = RotaryScaling() if scaling is None else scaling
        self._frequencies: dict[torch.device, Tensor] = {}

    @classmethod
    def of(
        cls, head_dim: int, parameters: Mapping[str, Any], max_positions: int
    ) -> RotaryEmbedding:
        """Return the embedding that a configuration's ``rope_parameters`` describe.

        The keys are the hub's: ``rope_theta``, ``partial_rotary_factor`` and those of a scaling.
        Raises ``ValueError`` for a ``rope_type`` that is not there, or a key that it lacks.
        """
        features = int(head_dim * parameters.get("partial_rotary_factor", 1.0))
        scaling = rotary_scaling(parameters, max_positions)
        return cls(features, parameters.get("rope_theta", 10_000.0), scaling)

    @torch.no_grad()
    def __call__(self, position_ids: Tensor, dtype: torch.dtype) -> Rotation:
        """Return the rotation of ``(batch or 1, length)`` positions, for states of ``dtype``."""
        angles = position_ids[:, None, :, None].float() * self.frequencies(position_ids)
        cos, sin, factor = angles.cos(), angles.sin(), self.scaling.attention_factor
        if factor != 1.0:
            cos, sin = cos * factor, sin * factor
        cos, sin = torch.cat([cos, cos], dim=-1), torch.cat([-sin, sin], dim=-1)
        return Rotation(cos.to(dtype), sin.to(dtype))

    def frequencies(self, position_ids: Tensor) -> Tensor:
        """Return the angle ``(features / 2,)`` from one position to the next."""
        device = position_ids.device
        if not self.scaling.depends_on_length and device in self._frequencies:
            return self._frequencies[device]
        length = position_ids.max() + 1
        frequencies = self.scaling.frequencies(self.features, self.theta, length)
        if not self.scaling.depends_on_length and not in_trace():
            self._frequencies[device] = frequencies
        return frequencies
