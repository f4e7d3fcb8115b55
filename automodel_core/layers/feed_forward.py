"""The position-wise part of a transformer layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core.layers.activations import activation as activation_named
from automodel_core.layers.kernels.decode_steps import prepare_linear
from automodel_core.layers.kernels.linear import linear, project
from automodel_core.layers.parts import FeedForwardStep

__all__ = ["FeedForward", "GatedFeedForward"]


class FeedForward(nn.Module):
    """Widen, activate, narrow; ``dropout`` acts on the wide side."""

    tp_plan: ClassVar[Mapping[str, str]] = {"up_proj": "colwise", "down_proj": "rowwise"}
    """How processes share out the layers, each some of the wide side."""

    def __init__(
        self,
        hidden_size: int,
        intermediate_size: int,
        *,
        activation: str = "gelu",
        bias: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.up_proj = linear(hidden_size, intermediate_size, bias=bias)
        self.down_proj = linear(intermediate_size, hidden_size, bias=bias)
        self.activation = activation_named(activation)
        self.dropout = dropout

    def forward(self, hidden_states: Tensor) -> Tensor:
        wide = project(self.up_proj, hidden_states, self.activation)
        return _narrow(self.down_proj, F.dropout(wide, self.dropout, self.training))

    def decode_step(self, rows: int) -> FeedForwardStep:
        """Return the same function for inference on ``(rows, hidden_size)``, weights packed."""
        up, down = (
            prepare_linear((self.up_proj,), rows),
            _prepare_narrow(self.down_proj, rows, self.up_proj),
        )
        act = self.activation
        return lambda hidden_states: down(act(up(hidden_states)))


class GatedFeedForward(nn.Module):
    """Widen twice, activate one side and multiply, narrow (https://arxiv.org/abs/2002.05202)."""

    tp_plan: ClassVar[Mapping[str, str]] = {"gate_proj": "colwise", **FeedForward.tp_plan}

    def __init__(
        self,
        hidden_size: int,
        intermediate_size: int,
        *,
        activation: str = "gelu",
        bias: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.gate_proj = linear(hidden_size, intermediate_size, bias=bias)
        self.up_proj = linear(hidden_size, intermediate_size, bias=bias)
        self.down_proj = linear(intermediate_size, hidden_size, bias=bias)
        self.activation = activation_named(activation)
        self.dropout = dropout

    def forward(self, hidden_states: Tensor) -> Tensor:
        gate, up = project(self.gate_proj, hidden_states), project(self.up_proj, hidden_states)
        wide = self.activation(gate) * up
        return _narrow(self.down_proj, F.dropout(wide, self.dropout, self.training))

    def decode_step(self, rows: int) -> FeedForwardStep:
        """Return the same function for inference on ``(rows, hidden_size)``, weights packed."""
        both = prepare_linear((self.gate_proj, self.up_proj), rows)
        down = _prepare_narrow(self.down_proj, rows, self.up_proj)
        act = self.activation

        def step(hidden_states: Tensor) -> Tensor:
            gate, up = both(hidden_states).chunk(2, dim=-1)
            return down(act(gate) * up)

        return step


def _narrow(down_proj: nn.Module, wide: Tensor) -> Tensor:
    """Apply the last layer, which may be kept in a higher precision than the rest."""
    if isinstance(down_proj, nn.Linear):
        wide = wide.to(down_proj.weight.dtype)
    return project(down_proj, wide)


def _prepare_narrow(down_proj: nn.Module, rows: int, wide: nn.Module) -> Callable[[Tensor], Tensor]:
    """Return the last layer, prepared, for what comes out of ``wide``."""
    prepared = prepare_linear((down_proj,), rows)
    if not isinstance(down_proj, nn.Linear) or not isinstance(wide, nn.Linear):
        return prepared
    dtype = down_proj.weight.dtype
    if wide.weight.dtype == dtype:
        return prepared
    return lambda inputs: prepared(inputs.to(dtype))
