"""Prompts as vectors: points and the corners of boxes, and masks as maps."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from automodel_core import layers
from automodel_sam.configuration import SamConfig, SamPromptEncoderConfig
from automodel_sam.vision import ChannelNorm

NOT_A_POINT, PADDING = -1, -10
"""Labels: of a point that only says that there is no box, and of one that says nothing."""


class SamPositionalEmbedding(nn.Module):
    """Places as sines and cosines of random frequencies (https://arxiv.org/abs/2006.10739)."""

    positional_embedding: Tensor

    def __init__(self, features: int, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.register_buffer("positional_embedding", torch.empty(2, features))

    def draw(self) -> None:
        """Draw the frequencies, which are never trained."""
        self.positional_embedding.normal_(0.0, self.scale)

    def forward(self, places: Tensor) -> Tensor:
        """Return ``(..., 2 * features)`` of x and y ``(..., 2)``, as shares of the image."""
        frequencies = self.positional_embedding
        angles = 2 * math.pi * ((2 * places - 1).to(frequencies.dtype) @ frequencies)
        return torch.cat([angles.sin(), angles.cos()], dim=-1)


class SamMaskEmbedding(nn.Module):
    """Make a map, of a quarter of the rows and columns, of a mask."""

    def __init__(self, config: SamPromptEncoderConfig) -> None:
        super().__init__()
        channels = config.mask_input_channels
        self.conv1 = nn.Conv2d(1, channels // 4, 2, stride=2)
        self.layer_norm1 = ChannelNorm(channels // 4, eps=config.layer_norm_eps)
        self.conv2 = nn.Conv2d(channels // 4, channels, 2, stride=2)
        self.layer_norm2 = ChannelNorm(channels, eps=config.layer_norm_eps)
        self.conv3 = nn.Conv2d(channels, config.hidden_size, 1)
        self.activation = layers.activation(config.hidden_act)

    def forward(self, masks: Tensor) -> Tensor:
        maps = self.activation(self.layer_norm1(self.conv1(masks)))
        maps = self.activation(self.layer_norm2(self.conv2(maps)))
        embedded: Tensor = self.conv3(maps)
        return embedded


class SamPromptEncoder(nn.Module):
    """Vectors of points and boxes, in order, and a map of masks, or of none."""

    def __init__(self, config: SamConfig) -> None:
        super().__init__()
        prompts = config.prompt_encoder_config
        size = prompts.hidden_size
        self.image_size, self.grid = prompts.image_size, config.vision_config.grid
        self.mask_embed = SamMaskEmbedding(prompts)
        self.no_mask_embed = layers.embedding(1, size)
        self.point_embed = nn.ModuleList(
            layers.embedding(1, size) for _ in range(prompts.num_point_embeddings)
        )
        self.not_a_point_embed = layers.embedding(1, size)

    def forward(
        self,
        places: SamPositionalEmbedding,
        points: Tensor | None,
        labels: Tensor | None,
        boxes: Tensor | None,
        masks: Tensor | None,
    ) -> tuple[Tensor | None, Tensor]:
        """Return vectors ``(batch, prompts, tokens, size)`` and maps ``(batch, size, rows, ...)``.

        ``points`` are ``(batch, prompts, points, 2)``, ``labels`` ``(batch, prompts, points)``,
        ``boxes`` ``(batch, prompts, 4)``, ``masks`` ``(batch, 1, 4 * rows, 4 * columns)``.
        """
        tokens = []
        if points is not None:
            if labels is None:
                labels = torch.ones_like(points[..., 0], dtype=torch.int64)
            tokens.append(self.embed_points(places, points, labels, alone=boxes is None))
        if boxes is not None:
            tokens.append(self.embed_boxes(places, boxes))
        if masks is not None:
            maps = self.mask_embed(masks.to(self.no_mask_embed.weight.dtype))
        else:
            rows = tokens[0].shape[0] if tokens else 1
            nothing = self.no_mask_embed.weight.view(1, -1, 1, 1)
            maps = nothing.expand(rows, -1, self.grid, self.grid)
        return torch.cat(tokens, dim=2) if tokens else None, maps

    def embed_points(
        self, places: SamPositionalEmbedding, points: Tensor, labels: Tensor, alone: bool
    ) -> Tensor:
        """Return a vector for each point; ``alone``, one more says that there is no box."""
        embedded = places((points + 0.5) / self.image_size)
        kind = labels[..., None].to(embedded.device)
        background, foreground = self.kinds(0, 1)
        embedded = embedded + (kind == 0) * background + (kind == 1) * foreground
        nothing = self.not_a_point_embed.weight[0]
        embedded = torch.where(kind == NOT_A_POINT, nothing, embedded)
        embedded = embedded.masked_fill(kind == PADDING, 0.0)
        if alone:
            embedded = torch.cat([embedded, nothing.expand_as(embedded[:, :, :1])], dim=2)
        return embedded

    def embed_boxes(self, places: SamPositionalEmbedding, boxes: Tensor) -> Tensor:
        """Return two vectors for each box: its upper left and its lower right corner."""
        corners: Tensor = places((boxes.unflatten(-1, (2, 2)) + 0.5) / self.image_size)
        return corners + torch.stack(self.kinds(2, 3))

    def kinds(self, *numbers: int) -> list[Tensor]:
        """Return vectors ``(size,)``: background, foreground, upper left, lower right."""
        tables: list[Any] = [self.point_embed[number] for number in numbers]
        return [table.weight[0] for table in tables]
