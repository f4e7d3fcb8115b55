"""The pixel decoder of Mask2Former: coarse maps attend to each other, and make a finer one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import automodel_core.families.detr as family
from automodel_core import layers
from automodel_maskformer.configuration import LEVELS
from automodel_maskformer.pixel_decoder import GroupNormedConv, PyramidLayer

Shapes = list[tuple[int, int]]


class DeformableLayer(nn.Module):
    """Attention to sampled places and a feed-forward part, each sum normalised."""

    def __init__(
        self, self_attn: layers.DeformableAttention, mlp: nn.Module, size: int, dropout: float
    ) -> None:
        super().__init__()
        self.self_attn = self_attn
        self.self_attn_norm = layers.layer_norm(size, eps=1e-5)
        self.mlp = mlp
        self.mlp_norm = layers.layer_norm(size, eps=1e-5)
        self.dropout = dropout

    def forward(
        self, states: Tensor, positions: Tensor, shapes: Shapes, references: Tensor
    ) -> Tensor:
        """Run the places of all maps, ``(batch, places, size)``."""
        added, _ = self.self_attn(states, states, shapes, references, positions=positions)
        states = self.self_attn_norm(states + F.dropout(added, self.dropout, self.training))
        added = F.dropout(self.mlp(states), self.dropout, self.training)
        return layers.finite(self.mlp_norm(states + added))


class DeformablePixelDecoder(layers.LayerStack):
    """Lets the coarsest maps of a backbone attend to each other, and mixes finer ones in."""

    def __init__(self, channels: Sequence[int], config: Any) -> None:
        super().__init__()
        size, dropout = config.feature_size, config.dropout
        self.projections = nn.ModuleList(
            GroupNormedConv(wide, size, 1, bias=True) for wide in channels[: -LEVELS - 1 : -1]
        )
        self.position_embedding = family.SinePlanePositions(size)
        self.level_embeddings = nn.Parameter(torch.empty(LEVELS, size))
        self.layers = nn.ModuleList(
            DeformableLayer(
                layers.DeformableAttention(size, config.num_attention_heads, LEVELS),
                layers.FeedForward(
                    size, config.encoder_feedforward_dim, activation="relu", dropout=dropout
                ),
                size,
                dropout,
            )
            for _ in range(config.encoder_layers)
        )
        self.pyramid = nn.ModuleList(
            PyramidLayer(wide, size, "bilinear") for wide in channels[: config.pyramid_levels]
        )
        self.mask_projection = nn.Conv2d(size, config.mask_feature_size, kernel_size=1)

    def forward(self, maps: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Return features of pixels ``(batch, mask_size, rows, columns)`` of maps, finest first.

        Beside them come the three maps that have attended, the coarsest first.
        """
        coarse = maps[: -LEVELS - 1 : -1]
        entering = [project(each) for project, each in zip(self.projections, coarse, strict=True)]
        shapes = [(each.shape[2], each.shape[3]) for each in entering]
        states = torch.cat([each.flatten(2).transpose(1, 2) for each in entering], dim=1)
        positions = torch.cat(
            [
                self.position_embedding(torch.ones_like(each[:1, 0]), each.dtype)
                .flatten(2)
                .transpose(1, 2)
                + level
                for each, level in zip(entering, self.level_embeddings, strict=True)
            ],
            dim=1,
        )
        references = layers.map_centres(shapes, states.dtype, states.device)
        for layer in self.layers:
            states = self.run(layer, states, positions, shapes, references)
        parts = states.split([rows * columns for rows, columns in shapes], dim=1)
        seen = [
            part.transpose(1, 2).unflatten(-1, shape)
            for part, shape in zip(parts, shapes, strict=True)
        ]
        finest = seen[-1]
        for number, layer in reversed(list(enumerate(self.pyramid))):
            finest = layer(finest, maps[number])
        return self.mask_projection(finest), seen
