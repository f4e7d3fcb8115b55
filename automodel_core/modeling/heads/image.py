"""Heads on a stack that sees images: the wiring that all of them share, around any body.

A subclass gives the ``model`` and the layers that score. The body takes the arguments passed on
here and returns a `BaseModelOutput` whose states are those of leading tokens, then of the patches.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Generic, TypeVar

from torch import Tensor, nn

from automodel_core.errors import InputError
from automodel_core.layers.images.patches import edges, patch_grid
from automodel_core.modeling.calls import ForwardOptions, model_call
from automodel_core.modeling.losses.classes import ItemCount
from automodel_core.modeling.losses.image import hidden_pixel_loss
from automodel_core.modeling.losses.labels import classification_loss
from automodel_core.modeling.outputs.base import BaseModelOutput, ModelOutput
from automodel_core.modeling.outputs.image import ImageClassifierOutput, MaskedImageModelingOutput
from automodel_core.modeling.pretrained.base import PreTrainedModel

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = [
    "ImageModelForImageClassification",
    "ImageModelForLabels",
    "ImageModelForMaskedImageModeling",
    "ImageModelHead",
    "pixel_decoder",
]


Out = TypeVar("Out", bound=ModelOutput)


class ImageModelHead(PreTrainedModel):
    """A head on a ``model`` that sees images."""

    model: nn.Module
    body = "model"
    main_input_name = "pixel_values"


class ImageModelForLabels(ImageModelHead, Generic[Out]):
    """Scores of classes, or numbers, for images: heads differ in `classify` and ``output``."""

    output: type[Out]

    @abstractmethod
    def classify(self, body: BaseModelOutput) -> Tensor:
        """Return the logits ``(batch, labels)`` that the body's states give."""

    @model_call
    def forward(
        self,
        pixel_values: Tensor | None = None,
        labels: Tensor | None = None,
        interpolate_pos_encoding: bool | None = None,
        num_items_in_batch: ItemCount = None,
        **options: Unpack[ForwardOptions],
    ) -> Out:
        """Score images ``(batch, channels, height, width)``; ``labels`` are ``(batch,)``."""
        body: BaseModelOutput = self.model(
            pixel_values, interpolate_pos_encoding=interpolate_pos_encoding, **options
        )
        logits, loss = self.classify(body), None
        if labels is not None:
            kind = self.config.num_labels, self.config.problem_type
            loss = classification_loss(logits, labels, *kind, num_items_in_batch)
        return self.output.of(body, loss=loss, logits=logits)


class ImageModelForImageClassification(ImageModelForLabels[ImageClassifierOutput]):
    """Scores of classes, or numbers, with states and attentions as other models have them."""

    output = ImageClassifierOutput


class ImageModelForMaskedImageModeling(ImageModelHead):
    """Reconstruct the pixels of hidden patches (SimMIM, https://arxiv.org/abs/2111.09886).

    Each of the last states stands for a square of ``merged_patches`` by as many patches.
    """

    decoder: nn.Module
    output: type[MaskedImageModelingOutput] = MaskedImageModelingOutput

    @property
    def merged_patches(self) -> int:
        """How many patches beside each other become one state."""
        return 1

    def grid_of(self, pixel_values: Tensor) -> tuple[int, int]:
        """Return how many of the body's last states are below and beside each other."""
        return patch_grid(pixel_values.shape[-2:], self.config.patch_size)

    @model_call
    def forward(
        self,
        pixel_values: Tensor | None = None,
        bool_masked_pos: Tensor | None = None,
        interpolate_pos_encoding: bool | None = None,
        **options: Unpack[ForwardOptions],
    ) -> MaskedImageModelingOutput:
        """Reconstruct images; the loss counts the patches of ``bool_masked_pos`` only.

        ``bool_masked_pos`` is ``(batch, patches)``, true where the model sees a mask.
        """
        if pixel_values is None:
            raise InputError("give pixel_values")
        patch, stride = edges(self.config.patch_size), self.config.encoder_stride
        merged = self.merged_patches
        if bool_masked_pos is not None and [stride] * 2 != [edge * merged for edge in patch]:
            raise InputError(
                f"encoder_stride={stride} must equal patch_size={self.config.patch_size}"
                f"{'' if merged == 1 else f' times {merged}'}, or the image that comes out has "
                "another size than the one that went in"
            )
        body: BaseModelOutput = self.model(
            pixel_values,
            bool_masked_pos=bool_masked_pos,
            interpolate_pos_encoding=interpolate_pos_encoding,
            **options,
        )
        rows, columns = self.grid_of(pixel_values)
        states: Tensor = body.last_hidden_state[:, -rows * columns :]
        pixels = self.decoder(states.transpose(1, 2).unflatten(2, (rows, columns)))
        loss = None
        if bool_masked_pos is not None:
            if pixels.shape[-2:] != pixel_values.shape[-2:]:
                height, width = pixel_values.shape[-2:]
                raise InputError(
                    f"images of {height} x {width} pixels have no loss, as their edges are no "
                    f"multiples of {stride}: resize or pad them"
                )
            hidden = bool_masked_pos.reshape(-1, *patch_grid(pixel_values.shape[-2:], patch))
            loss = hidden_pixel_loss(pixels, pixel_values, hidden)
        return self.output.of(body, loss=loss, reconstruction=pixels)


def pixel_decoder(hidden_size: int, channels: int, stride: int) -> nn.Sequential:
    """Return layers that make of each patch's state a square of ``stride`` pixels."""
    return nn.Sequential(
        nn.Conv2d(hidden_size, stride**2 * channels, kernel_size=1), nn.PixelShuffle(stride)
    )
