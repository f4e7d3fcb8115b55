"""The encoder of images: patches that attend within windows, and in some layers to all."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from automodel_core import layers, modeling
from automodel_core.errors import InputError
from automodel_sam.configuration import SamVisionConfig

NECK_EPS = 1e-6


class ChannelNorm(nn.LayerNorm):
    """Normalise the channels of each place of maps ``(batch, channels, rows, columns)``."""

    def forward(self, maps: Tensor) -> Tensor:
        return super().forward(maps.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class SamVisionLayer(nn.Module):
    """Attention within windows, or over the whole image if ``window`` is 0; a feed-forward part."""

    def __init__(self, config: SamVisionConfig, window: int) -> None:
        super().__init__()
        size = config.hidden_size
        self.window = window
        self.layer_norm1 = layers.layer_norm(size, eps=config.layer_norm_eps)
        self.attn = self.make_attention(config, window or config.grid)
        self.layer_norm2 = layers.layer_norm(size, eps=config.layer_norm_eps)
        width = config.mlp_dim or int(size * config.mlp_ratio)
        self.mlp = layers.FeedForward(size, width, activation=config.hidden_act)

    @staticmethod
    def make_attention(config: SamVisionConfig, edge: int) -> layers.Attention:
        """Return attention over a square of places, which knows where they are if it should."""
        heads, dropout = config.num_attention_heads, config.attention_dropout
        projections = layers.equal_heads(
            config.hidden_size, heads, bias=config.qkv_bias, out_bias=True
        )
        if not config.use_rel_pos:
            return layers.Attention(projections, dropout=dropout)
        return layers.PlaneAttention(projections, (edge, edge), dropout=dropout)

    def forward(self, states: Tensor, output_attentions: bool) -> tuple[Tensor, Tensor | None]:
        """Return states ``(batch, rows, columns, size)`` and, on request, the weights."""
        seen, (rows, columns) = self.layer_norm1(states), states.shape[1:3]
        seen = layers.to_windows(seen, self.window, 0) if self.window else seen.flatten(1, 2)
        attended, weights = self.attn(seen, output_attentions=output_attentions)
        if self.window:
            attended = layers.from_windows(attended, self.window, 0, rows, columns)
        states = states + attended.reshape(states.shape)
        return states + self.mlp(self.layer_norm2(states)), weights


class SamVisionNeck(nn.Module):
    """Two convolutions that make the map of an image, each with a norm."""

    def __init__(self, config: SamVisionConfig) -> None:
        super().__init__()
        size = config.output_channels
        self.conv1 = nn.Conv2d(config.hidden_size, size, 1, bias=False)
        self.layer_norm1 = ChannelNorm(size, eps=NECK_EPS)
        self.conv2 = nn.Conv2d(size, size, 3, padding=1, bias=False)
        self.layer_norm2 = ChannelNorm(size, eps=NECK_EPS)

    def forward(self, states: Tensor) -> Tensor:
        """Return ``(batch, channels, rows, columns)``."""
        maps = self.layer_norm1(self.conv1(states.permute(0, 3, 1, 2)))
        found: Tensor = self.layer_norm2(self.conv2(maps))
        return found


class SamVisionEncoder(layers.LayerStack):
    """Patches with their places, the layers, and the neck."""

    def __init__(self, config: SamVisionConfig) -> None:
        super().__init__()
        size, grid = config.hidden_size, config.grid
        self.config = config
        self.patch_embed = layers.PatchEmbedding(config.num_channels, size, config.patch_size)
        places = torch.zeros(1, grid, grid, size)
        self.pos_embed = nn.Parameter(places) if config.use_abs_pos else None
        self.layers = nn.ModuleList(
            SamVisionLayer(
                config, 0 if number in config.global_attn_indexes else config.window_size
            )
            for number in range(config.num_hidden_layers)
        )
        self.neck = SamVisionNeck(config)

    def forward(
        self, pixel_values: Tensor, *, output_attentions: bool, output_hidden_states: bool
    ) -> modeling.BaseModelOutput:
        """Return the map ``(batch, channels, rows, columns)`` of images of the usual size.

        Hidden states are ``(batch, rows, columns, size)``, attentions ``(batch * windows, heads,
        places, places)``.
        """
        grid, edge = self.config.grid, self.config.image_size
        if not layers.in_trace() and tuple(pixel_values.shape[2:]) != (edge, edge):
            raise InputError(
                f"pixel_values have shape {tuple(pixel_values.shape)}, expected (batch, "
                f"{self.config.num_channels}, {edge}, {edge}), as the image processor makes them"
            )
        states = self.patch_embed(pixel_values).unflatten(1, (grid, grid))
        if self.pos_embed is not None:
            states = states + self.pos_embed
        seen, attentions = [states], []
        for layer in self.layers:
            states, weights = self.run(layer, states, output_attentions)
            seen.append(states)
            attentions.append(weights)
        return modeling.BaseModelOutput(
            last_hidden_state=self.neck(states),
            hidden_states=tuple(seen) if output_hidden_states else None,
            attentions=tuple(attentions) if output_attentions else None,
        )
