"""VideoMAE's pretraining: the pixels of tubelets that are hidden, from those that are seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core import layers, modeling
from automodel_core.errors import ConfigurationError, InputError
from automodel_core.layers import layer_norm
from automodel_core.vision import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from automodel_videomae.configuration import VideoMAEConfig
from automodel_videomae.modeling import (
    VideoMAEHead,
    checked_mask,
    chosen,
    token_grid,
    videomae_layer,
    waves,
)

if TYPE_CHECKING:
    from typing_extensions import Unpack


@dataclass
class VideoMAEForPreTrainingOutput(modeling.ModelOutput):
    """Pixels ``(batch, hidden tubelets, pixels)``; states and attentions are the encoder's."""

    loss: Tensor | None = None
    logits: Tensor = modeling.FILLED
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


class VideoMAEDecoder(layers.LayerStack):
    """A few narrow layers, a norm, and the pixels of tubelets."""

    def __init__(self, config: VideoMAEConfig) -> None:
        super().__init__()
        size, heads = config.decoder_hidden_size, config.decoder_num_attention_heads
        if size % heads:
            raise ConfigurationError(
                f"decoder_hidden_size={size} is not a multiple of "
                f"decoder_num_attention_heads={heads}"
            )
        height, width = layers.edges(config.patch_size)
        self.layers = nn.ModuleList(
            videomae_layer(config, size, heads, config.decoder_intermediate_size)
            for _ in range(config.decoder_num_hidden_layers)
        )
        self.norm = layer_norm(size)
        self.head = layers.linear(size, config.num_channels * config.tubelet_size * height * width)

    def forward(self, states: Tensor, asked: int) -> Tensor:
        """Return the pixels of the last tubelets, as many as ``asked``."""
        for layer in self.layers:
            states, _ = self.run(layer, states, layers.LayerInputs())
        return layers.project(self.head, self.norm(states[:, -asked:]))


class VideoMAEForPreTraining(VideoMAEHead):
    """Reconstruct the tubelets that the encoder does not see, by a narrower decoder."""

    positions: Tensor

    def __init__(self, config: VideoMAEConfig) -> None:
        super().__init__(config)
        size, (depth, rows, columns) = config.decoder_hidden_size, token_grid(config)
        self.encoder_to_decoder = layers.linear(config.hidden_size, size, bias=False)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, size))
        table = waves(depth * rows * columns, size)
        self.register_buffer("positions", table, persistent=False)
        self.decoder = VideoMAEDecoder(config)
        self.post_init()

    @modeling.model_call
    def forward(
        self,
        pixel_values: Tensor | None = None,
        bool_masked_pos: Tensor | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> VideoMAEForPreTrainingOutput:
        """Reconstruct the tubelets that are true in ``bool_masked_pos`` ``(batch, tubelets)``.

        As many are hidden of each video. The loss is always there: the video is its own label.
        """
        if pixel_values is None or bool_masked_pos is None:
            raise InputError("give pixel_values, and bool_masked_pos to say which tubelets to hide")
        body: modeling.BaseModelOutput = self.model(
            pixel_values, bool_masked_pos=bool_masked_pos, **options
        )
        seen = layers.project(self.encoder_to_decoder, body.last_hidden_state)
        positions = self.positions.to(seen.dtype).expand(len(seen), -1, -1)
        mask = checked_mask(bool_masked_pos, positions)
        asked = self.mask_token + chosen(positions, mask)
        states = torch.cat([seen + chosen(positions, ~mask), asked], dim=1)
        logits = self.decoder(states, asked.shape[1])
        with torch.no_grad():
            targets = chosen(self.targets(pixel_values.to(logits.dtype)), mask)
        return VideoMAEForPreTrainingOutput.of(
            body, loss=F.mse_loss(logits, targets), logits=logits
        )

    def targets(self, pixel_values: Tensor) -> Tensor:
        """Return what the model learns of each tubelet, ``(batch, tubelets, pixels)``.

        The pixels are those from 0 to 1 again, as far as ImageNet's mean and deviation tell; with
        ``norm_pix_loss`` each channel of a tubelet is normalised by itself.
        """
        if pixel_values.shape[2] == 3:
            mean, deviation = (
                torch.tensor(numbers, dtype=pixel_values.dtype, device=pixel_values.device)
                for numbers in (IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD)
            )
            pixel_values = pixel_values * deviation.view(-1, 1, 1) + mean.view(-1, 1, 1)
        tubelets = self.in_tubelets(pixel_values)
        if self.config.norm_pix_loss:
            centred = tubelets - tubelets.mean(dim=-2, keepdim=True)
            tubelets = centred / (tubelets.std(dim=-2, keepdim=True) + 1e-6)
        return tubelets.flatten(2)

    def in_tubelets(self, pixel_values: Tensor) -> Tensor:
        """Return pixels ``(batch, tubelets, pixels, channels)``."""
        height, width = layers.edges(self.config.patch_size)
        grid: Tensor = pixel_values.unflatten(1, (-1, self.config.tubelet_size))
        grid = grid.unflatten(5, (-1, width)).unflatten(4, (-1, height))
        return grid.permute(0, 1, 4, 6, 2, 5, 7, 3).flatten(4, 6).flatten(1, 3)
