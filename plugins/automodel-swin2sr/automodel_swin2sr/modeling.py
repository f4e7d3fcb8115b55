"""Swin2SR: Swin V2's layers over pixels, in stages of one size, and what makes new pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core import layers, modeling
from automodel_core.checkpoint import WeightNames
from automodel_core.errors import InputError
from automodel_core.families.swin import (
    StagesOutput,
    SwinStage,
    SwinStages,
    WindowPreTrainedModel,
    swinv2_layer,
)
from automodel_core.vision import pad
from automodel_swin2sr.configuration import Swin2SRConfig
from automodel_swin2sr.upsampling import SLOPE, UPSAMPLERS, conv
from automodel_swin2sr.weights import swin2sr_names

if TYPE_CHECKING:
    from typing_extensions import Unpack

MEAN = (0.4488, 0.4371, 0.4040)
"""Of the colours that the models have learned from."""


class Swin2SRStage(SwinStage):
    """Layers, then convolutions, around which what enters goes past."""

    def __init__(self, config: Swin2SRConfig, number: int, drop_paths: list[float]) -> None:
        size, heads = config.embed_dim, config.num_heads[number]
        rows = layers.edges(config.image_size)[0]
        window = min(rows, config.window_size)
        super().__init__(
            [swinv2_layer(config, size, heads, rate, window=window) for rate in drop_paths],
            window,
            0 if rows <= window else config.window_size // 2,
            None,
        )
        self.conv = conv(size, size) if config.resi_connection == "1conv" else narrow(size)
        self.patches = layers.PatchEmbedding(size, size, 1)

    def forward(
        self, states: Tensor, fitted: bool, output_attentions: bool
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        attended, _, weights = super().forward(states, fitted, output_attentions)
        found = self.patches(self.conv(attended.permute(0, 3, 1, 2)))
        states = states + found.view(states.shape)
        return states, states, weights


def narrow(size: int) -> nn.Sequential:
    """Return convolutions over a quarter of the channels."""
    inner = size // 4
    between = nn.Conv2d(inner, inner, kernel_size=1)
    return nn.Sequential(
        conv(size, inner), nn.LeakyReLU(SLOPE), between, nn.LeakyReLU(SLOPE), conv(inner, size)
    )


class Swin2SRPreTrainedModel(WindowPreTrainedModel):
    """What all Swin2SR models share: names of weights, and first values."""

    config_class = Swin2SRConfig
    config: Swin2SRConfig
    base_model_prefix: ClassVar[str] = "swin2sr"
    input_embeddings = "patches"

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return swin2sr_names(cls.base_model_prefix, cls.body)


class Swin2SRModel(Swin2SRPreTrainedModel):
    """The body: states of each pixel of an image of any size."""

    mean: Tensor

    def __init__(self, config: Swin2SRConfig) -> None:
        super().__init__(config)
        size = config.embed_dim
        in_colour = config.num_channels == config.num_channels_out == 3
        mean = torch.tensor(MEAN if in_colour else (0.0,), device="cpu")
        self.register_buffer("mean", mean.view(1, -1, 1, 1), persistent=False)
        self.first_convolution = conv(config.num_channels, size)
        self.patches = layers.PatchEmbedding(size, size, 1)
        self.embed_norm = layers.layer_norm(size)
        self.stack = SwinStages(config.depths, config.drop_path_rate, self.new_stage)
        self.norm = layers.layer_norm(size, eps=config.layer_norm_eps)
        self.conv_after_body = conv(size, size)
        self.post_init()

    def new_stage(self, number: int, drop_paths: list[float]) -> Swin2SRStage:
        """Return a stage by its number, from 0."""
        return Swin2SRStage(self.config, number, drop_paths)

    def normalised(self, pixel_values: Tensor) -> Tensor:
        """Return pixels as the model sees them, around zero."""
        return (pixel_values - self.mean) * self.config.img_range

    def pixels(self, normalised: Tensor) -> Tensor:
        """Undo `normalised`."""
        return normalised / self.config.img_range + self.mean

    @modeling.model_call
    def forward(
        self, pixel_values: Tensor | None = None, **options: Unpack[modeling.ForwardOptions]
    ) -> modeling.BaseModelOutput:
        """Run images ``(batch, channels, height, width)`` through the stages.

        They are mirrored at their right and lower edges to whole windows, and so are the last
        states, ``(batch, embed_dim, height, width)``. The hidden states are those of the
        embeddings and of each stage, ``(batch, pixels, embed_dim)``.
        """
        if pixel_values is None:
            raise InputError("give pixel_values")
        wanted = modeling.wanted_states(options)
        window = self.config.window_size
        below, beside = (-edge % window for edge in pixel_values.shape[-2:])
        images = self.normalised(pad(pixel_values, bottom=below, right=beside, mode="reflect"))
        first = self.first_convolution(images.to(self.first_convolution.weight.dtype))
        embedded = self.embed_norm(self.patches(first)).unflatten(1, first.shape[-2:])
        embedded = F.dropout(embedded, self.config.hidden_dropout_prob, self.training)
        stages: StagesOutput = self.stack(
            embedded, fitted=False, output_attentions=wanted["output_attentions"]
        )
        shown = stages.shown(**wanted)
        shown.pop("reshaped_hidden_states", None)
        states = self.norm(stages.states[-1]).permute(0, 3, 1, 2)
        return modeling.BaseModelOutput(
            last_hidden_state=self.conv_after_body(states) + first, **shown
        )


class Swin2SRForImageSuperResolution(Swin2SRPreTrainedModel):
    """Images that are larger, or cleaner without an upsampler."""

    body = "model"
    input_embeddings = "model.patches"

    def __init__(self, config: Swin2SRConfig) -> None:
        super().__init__(config)
        self.model = Swin2SRModel(config)
        if config.upsampler:
            self.upsample = UPSAMPLERS[config.upsampler](config)
        else:
            self.final_convolution = conv(config.embed_dim, config.channels_made)
        self.post_init()

    @modeling.model_call
    def forward(
        self,
        pixel_values: Tensor | None = None,
        labels: Tensor | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> modeling.ImageSuperResolutionOutput:
        """Make images ``upscale`` times as large; values are those of ``pixel_values``.

        Without an upsampler, and beside ``pixelshuffle_aux``, the image is added as it came, not
        around its mean: so transformers reads all checkpoints. ``labels`` are the images that
        should come out, ``(batch, channels, height, width)``; the
        loss is the mean distance of their values.
        """
        if pixel_values is None:
            raise InputError("give pixel_values")
        body: modeling.BaseModelOutput = self.model(pixel_values, **options)
        height, width = pixel_values.shape[-2:]
        images = pixel_values.to(body.last_hidden_state.dtype)
        if self.config.upsampler:
            scale, found = self.config.upscale, self.upsample(body.last_hidden_state, images)
        else:
            scale, cleaned = 1, self.final_convolution(body.last_hidden_state)
            found = images + cleaned[:, :, :height, :width]
        pixels = self.model.pixels(found)[:, :, : height * scale, : width * scale]
        loss = None if labels is None else pixel_loss(pixels, labels)
        return modeling.ImageSuperResolutionOutput.of(body, loss=loss, reconstruction=pixels)


def pixel_loss(pixels: Tensor, labels: Tensor) -> Tensor:
    """Return the mean distance of the values of images of one shape."""
    if labels.shape != pixels.shape:
        raise InputError(
            f"labels are the images that should come out, {tuple(pixels.shape)}, got "
            f"{tuple(labels.shape)}"
        )
    return F.l1_loss(pixels, labels.to(pixels.dtype))
