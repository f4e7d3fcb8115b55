"""First values of modules that no architecture has rules of its own for."""

from __future__ import annotations

import torch
from torch import nn

from automodel_core.layers import RMSNorm
from automodel_core.modeling import init_normal


def test_norms_begin_with_ones() -> None:
    for norm in (RMSNorm(4), nn.LayerNorm(4), nn.GroupNorm(2, 4)):
        nn.init.zeros_(norm.weight)
        init_normal(norm, 0.02)
        assert torch.equal(norm.weight, torch.ones(4))
