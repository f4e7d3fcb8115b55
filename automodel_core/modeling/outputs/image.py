"""What models of images return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from automodel_core.modeling.outputs.base import FILLED, LabelOutput, ModelOutput

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ImageClassifierOutput", "MaskedImageModelingOutput"]


class ImageClassifierOutput(LabelOutput):
    """Scores ``(batch, labels)`` of images."""


@dataclass
class MaskedImageModelingOutput(ModelOutput):
    """Images ``(batch, channels, height, width)`` whose hidden patches are reconstructed."""

    loss: Tensor | None = None
    reconstruction: Tensor = FILLED
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None
