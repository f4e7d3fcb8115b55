"""The normal distribution that most architectures draw their first weights from."""

from __future__ import annotations

import torch
from torch import nn

from automodel_core.layers.kernels.norms import RMSNorm

__all__ = ["SelfDrawn", "init_normal"]

PROJECTIONS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d)
NORMS = (nn.LayerNorm, nn.GroupNorm, nn.BatchNorm2d)


class SelfDrawn(nn.Module):
    """A module that draws its own first values, which the configuration's spread does not touch."""

    def draw(self) -> None:
        """Give the weights new values, in place."""


@torch.no_grad()
def init_normal(module: nn.Module, std: float) -> None:
    """Draw weights of layers and embeddings from a normal distribution; biases 0, norms 1.

    Layers are linear ones and convolutions. An embedding's padding row is 0. Modules of
    other kinds are left alone.
    """
    if isinstance(module, SelfDrawn):
        module.draw()
        return
    if isinstance(module, (*PROJECTIONS, nn.Embedding)):
        module.weight.normal_(0.0, std)
    elif isinstance(module, (*NORMS, RMSNorm)) and module.weight is not None:
        module.weight.fill_(1.0)
    if isinstance(module, nn.Embedding) and module.padding_idx is not None:
        module.weight[module.padding_idx].zero_()
    elif isinstance(module, (*PROJECTIONS, *NORMS)) and module.bias is not None:
        module.bias.zero_()
