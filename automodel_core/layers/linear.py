"""Linear and embedding layers that cost nothing to build on the meta device."""

from __future__ import annotations

from torch import nn

__all__ = ["Embedding", "Linear"]


class Linear(nn.Linear):
    """``nn.Linear`` that draws its first weights only where there is memory to hold them."""

    def reset_parameters(self) -> None:
        if not self.weight.is_meta:
            super().reset_parameters()


class Embedding(nn.Embedding):
    """``nn.Embedding`` that draws its first weights only where there is memory to hold them."""

    def reset_parameters(self) -> None:
        if not self.weight.is_meta:
            super().reset_parameters()
