"""What bodies return, and what heads for labels do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from automodel_core.outputs import ModelOutput

if TYPE_CHECKING:
    from torch import Tensor

    from automodel_core.layers.caches.base import Cache

__all__ = ["FILLED", "BaseModelOutput", "LabelOutput", "ModelOutput"]


FILLED: Any = None
"""The default of a field that every ``forward`` fills; only an output made by hand may lack it."""


@dataclass
class BaseModelOutput(ModelOutput):
    """The states of a body; the pooled one, cache and cross-attentions where the body has them."""

    last_hidden_state: Tensor
    pooler_output: Tensor | None = None
    past_key_values: Cache | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None
    cross_attentions: tuple[Tensor, ...] | None = None


@dataclass
class LabelOutput(ModelOutput):
    """Scores for labels, from a head on one stack."""

    loss: Tensor | None = None
    logits: Tensor = FILLED
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None
