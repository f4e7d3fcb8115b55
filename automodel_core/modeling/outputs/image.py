"""What models of images return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from automodel_core.modeling.outputs.base import FILLED, LabelOutput, ModelOutput

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "BackboneOutput",
    "DepthEstimatorOutput",
    "ImageClassifierOutput",
    "ImageSuperResolutionOutput",
    "MaskedImageModelingOutput",
    "SemanticSegmenterOutput",
]


class ImageClassifierOutput(LabelOutput):
    """Scores ``(batch, labels)`` of images."""


@dataclass
class MaskedImageModelingOutput(ModelOutput):
    """Images ``(batch, channels, height, width)`` whose hidden patches are reconstructed."""

    loss: Tensor | None = None
    reconstruction: Tensor = FILLED
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


@dataclass
class BackboneOutput(ModelOutput):
    """Feature maps, one for each stage that the configuration asks for, from the input on.

    They are ``(batch, channels, height, width)``, or states in the order of patches where a
    backbone keeps these so.
    """

    feature_maps: tuple[Tensor, ...] = FILLED
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


@dataclass
class DepthEstimatorOutput(ModelOutput):
    """The depth ``(batch, height, width)`` of each pixel."""

    loss: Tensor | None = None
    predicted_depth: Tensor = FILLED
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


@dataclass
class ImageSuperResolutionOutput(ModelOutput):
    """Images ``(batch, channels, height, width)``, larger than those that went in, or cleaner."""

    loss: Tensor | None = None
    reconstruction: Tensor = FILLED
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


class SemanticSegmenterOutput(LabelOutput):
    """Scores ``(batch, labels, height, width)`` of pixels, of fewer than the image has."""
