"""Heads on a stack that sees images: the wiring that all of them share, around any body.

A subclass gives the ``model`` and the layers that score. The body takes the arguments passed on
here and returns a `BaseModelOutput` whose states are those of leading tokens, then of the patches.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core.errors import InputError
from automodel_core.layers.images.patches import edges, patch_grid
from automodel_core.modeling.calls import model_call
from automodel_core.modeling.losses import classification_loss
from automodel_core.modeling.outputs import (
    BaseModelOutput,
    ImageClassifierOutput,
    MaskedImageModelingOutput,
)
from automodel_core.modeling.pretrained.base import PreTrainedModel

__all__ = [
    "ImageModelForImageClassification",
    "ImageModelForMaskedImageModeling",
    "ImageModelHead",
    "pixel_decoder",
]


class ImageModelHead(PreTrainedModel):
    """What heads on a ``model`` share."""

    model: nn.Module
    body = "model"
    main_input_name = "pixel_values"


class ImageModelForImageClassification(ImageModelHead):
    """Scores of classes, or numbers, for whole images."""

    @abstractmethod
    def score(self, body: BaseModelOutput) -> Tensor:
        """Return the scores ``(batch, labels)`` for what the body has computed."""

    @model_call
    def forward(
        self,
        pixel_values: Tensor | None = None,
        labels: Tensor | None = None,
        interpolate_pos_encoding: bool | None = None,
        **options: Any,
    ) -> ImageClassifierOutput:
        """Score images ``(batch, channels, height, width)``."""
        body: BaseModelOutput = self.model(
            pixel_values,
            interpolate_pos_encoding=interpolate_pos_encoding,
            **options,
        )
        logits, loss = self.score(body), None
        if labels is not None:
            config = self.config
            loss = classification_loss(logits, labels, config.num_labels, config.problem_type)
        return self.result(loss, logits, body)

    def result(self, loss: Tensor | None, logits: Tensor, body: Any) -> ImageClassifierOutput:
        """Return the output; a body with more to show than others has a head with more, too."""
        return ImageClassifierOutput(loss, logits, body.hidden_states, body.attentions)


class ImageModelForMaskedImageModeling(ImageModelHead):
    """Reconstruct the pixels of hidden patches (SimMIM, https://arxiv.org/abs/2111.09886)."""

    decoder: nn.Module

    @model_call
    def forward(
        self,
        pixel_values: Tensor | None = None,
        bool_masked_pos: Tensor | None = None,
        interpolate_pos_encoding: bool | None = None,
        **options: Any,
    ) -> MaskedImageModelingOutput:
        """Reconstruct images; the loss counts the patches of ``bool_masked_pos`` only.

        ``bool_masked_pos`` is ``(batch, patches)``, true where the model sees a mask.
        """
        if pixel_values is None:
            raise InputError("give pixel_values")
        patch, stride = edges(self.config.patch_size), self.config.encoder_stride
        if bool_masked_pos is not None and patch != (stride, stride):
            raise InputError(
                f"encoder_stride={stride} must equal patch_size={self.config.patch_size}, or the "
                "image that comes out has another size than the one that went in"
            )
        body: BaseModelOutput = self.model(
            pixel_values,
            bool_masked_pos=bool_masked_pos,
            interpolate_pos_encoding=interpolate_pos_encoding,
            **options,
        )
        rows, columns = patch_grid(pixel_values.shape[-2:], patch)
        states: Tensor = body["last_hidden_state"][:, -rows * columns :]
        pixels = self.decoder(states.transpose(1, 2).unflatten(2, (rows, columns)))
        loss = None
        if bool_masked_pos is not None:
            hidden = bool_masked_pos.reshape(-1, 1, rows, columns).to(pixels.dtype)
            hidden = hidden.repeat_interleave(patch[0], 2).repeat_interleave(patch[1], 3)
            distances = F.l1_loss(pixels, pixel_values, reduction="none") * hidden
            loss = distances.sum() / (hidden.sum() + 1e-5) / self.config.num_channels
        return MaskedImageModelingOutput(loss, pixels, body.hidden_states, body.attentions)


def pixel_decoder(hidden_size: int, channels: int, stride: int) -> nn.Sequential:
    """Return layers that make of each patch's state a square of ``stride`` pixels."""
    return nn.Sequential(
        nn.Conv2d(hidden_size, stride**2 * channels, kernel_size=1), nn.PixelShuffle(stride)
    )
