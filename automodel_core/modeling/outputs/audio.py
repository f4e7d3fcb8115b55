"""What models of audio return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from automodel_core.modeling.outputs.base import FILLED, ModelOutput

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["WaveformModelOutput", "XVectorOutput"]


@dataclass
class WaveformModelOutput(ModelOutput):
    """The states of a body, and ``extract_features``, which the first of them are made of."""

    last_hidden_state: Tensor
    extract_features: Tensor = FILLED
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


@dataclass
class XVectorOutput(ModelOutput):
    """Vectors ``(batch, size)`` of who speaks: ``embeddings``, and ``logits`` made of them."""

    loss: Tensor | None = None
    logits: Tensor = FILLED
    embeddings: Tensor = FILLED
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None
