"""Heads that several architectures put on their states."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from automodel_core.layers.linear import Linear

__all__ = ["ClassificationHead"]


class ClassificationHead(nn.Module):
    """Classify one state: dropout, a layer with tanh, dropout, a layer with one output a label."""

    def __init__(self, hidden_size: int, num_labels: int, dropout: float) -> None:
        super().__init__()
        self.dense = Linear(hidden_size, hidden_size)
        self.dropout = nn.Dropout(dropout)
        self.out_proj = Linear(hidden_size, num_labels)

    def forward(self, hidden_states: Tensor) -> Tensor:
        """Return scores ``(batch, labels)`` for ``(batch, hidden_size)``."""
        hidden_states = torch.tanh(self.dense(self.dropout(hidden_states)))
        scores: Tensor = self.out_proj(self.dropout(hidden_states))
        return scores
