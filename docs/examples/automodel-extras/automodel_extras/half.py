"""Weights of linear layers in bfloat16, multiplied in the precision of what enters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core.errors import InputError


class HalfLinear(nn.Linear):
    """A linear layer whose weight takes half of the memory."""

    def forward(self, states: Tensor) -> Tensor:
        bias = None if self.bias is None else self.bias.to(states.dtype)
        return F.linear(states, self.weight.to(states.dtype), bias)


def hold_linears_in_half(model: nn.Module, settings: Mapping[str, Any]) -> None:
    """Cast the weights of a loaded model's linear layers, and leave the others alone."""
    if settings:
        raise InputError(f"weights='half' has no settings: {', '.join(settings)}")
    for module in model.modules():
        if type(module) is nn.Linear:
            module.__class__ = HalfLinear
            module.weight = nn.Parameter(module.weight.to(torch.bfloat16), requires_grad=False)
