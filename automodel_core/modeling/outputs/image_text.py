"""What models of images and texts return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from automodel_core.modeling.outputs.base import FILLED, BaseModelOutput, ModelOutput

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ImageEmbedsOutput", "ImageTextOutput", "TextEmbedsOutput", "TowersOutput"]


@dataclass
class TowersOutput(ModelOutput):
    """The base of outputs that hold the outputs of towers."""

    def to_tuple(self) -> tuple[Any, ...]:
        """Return the values, those of the towers as tuples too."""
        return tuple(
            value.to_tuple() if isinstance(value, ModelOutput) else value for value in self.values()
        )


@dataclass
class ImageTextOutput(TowersOutput):
    """How similar each text ``(texts, images)`` and each image ``(images, texts)`` is to the other.

    The vectors ``(batch, projection_dim)`` have length 1; the outputs of both towers are whole.
    """

    loss: Tensor | None = None
    logits_per_image: Tensor = FILLED
    logits_per_text: Tensor = FILLED
    text_embeds: Tensor = FILLED
    image_embeds: Tensor = FILLED
    text_model_output: BaseModelOutput = FILLED
    vision_model_output: BaseModelOutput = FILLED


@dataclass
class TextEmbedsOutput(ModelOutput):
    """A vector ``(batch, projection_dim)`` for each text, and the states it comes from."""

    text_embeds: Tensor = FILLED
    last_hidden_state: Tensor = FILLED
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


@dataclass
class ImageEmbedsOutput(ModelOutput):
    """A vector ``(batch, projection_dim)`` for each image, and the states it comes from."""

    image_embeds: Tensor = FILLED
    last_hidden_state: Tensor = FILLED
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None
