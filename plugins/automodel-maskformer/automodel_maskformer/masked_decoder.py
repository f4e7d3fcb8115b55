"""The decoder of Mask2Former, whose queries look at a map only where their own masks are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import automodel_core.families.detr as family
from automodel_core import layers

Weights = Tensor | None


class MaskedLayer(family.PlacedLayer):
    """Cross-attention, then self-attention and a feed-forward part, each with its residual."""

    cross_attn: family.PlacedAttention

    def forward(
        self,
        states: Tensor,
        positions: Tensor,
        mask: Tensor | None = None,
        context: Tensor | None = None,
        context_positions: Tensor | None = None,
        context_mask: Tensor | None = None,
        output_attentions: bool = False,
    ) -> tuple[Tensor, Weights, Weights]:
        states, cross_weights = self._crossed(
            states, positions, context, context_positions, context_mask, output_attentions
        )
        states, weights, _ = super().forward(
            states, positions, mask, output_attentions=output_attentions
        )
        return states, weights, cross_weights

    def draw(self, gain: float) -> None:
        """Give weights first values, by the sizes of layers; files join those of one attention."""
        crosses = self.cross_attn
        joined = [crosses.q_proj.weight, crosses.k_proj.weight, crosses.v_proj.weight]
        for weight in self.parameters():
            if weight.dim() > 1:
                together = any(weight is each for each in joined)
                nn.init.xavier_uniform_(weight, gain * (0.5**0.5 if together else 1.0))


def masked_layer(config: Any) -> MaskedLayer:
    """Return a layer for queries of the configuration's ``hidden_dim``."""
    size, dropout = config.hidden_dim, config.dropout

    def attention() -> family.PlacedAttention:
        heads = layers.equal_heads(size, config.num_attention_heads)
        return family.PlacedAttention(heads, dropout=dropout)

    return MaskedLayer(
        attention(),
        layers.FeedForward(
            size, config.dim_feedforward, activation=config.activation_function, dropout=dropout
        ),
        partial(layers.layer_norm, size, eps=1e-5),
        norm_first=config.pre_norm,
        cross_attn=attention(),
        dropout=dropout,
    )


@dataclass
class DecodedQueries:
    """What queries ``(batch, queries, size)`` became: one state before, and one behind each layer.

    ``normed`` are the same with a norm, ``masks`` ``(batch, queries, rows, columns)`` the logits
    that they draw, and ``attentions`` those of queries to each other.
    """

    states: list[Tensor]
    normed: list[Tensor] = field(default_factory=list)
    masks: list[Tensor] = field(default_factory=list)
    attentions: list[Tensor] = field(default_factory=list)


class MaskedDecoder(layers.LayerStack):
    """Layers in which queries look at one map after the other, and draw masks before each."""

    def __init__(self, decoding_layers: Sequence[MaskedLayer], size: int, mask_size: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(decoding_layers)
        self.norm = layers.layer_norm(size, eps=1e-5)
        self.mask_embedder = family.PredictionHead(size, mask_size)

    def forward(
        self,
        states: Tensor,
        positions: Tensor,
        maps: Sequence[Tensor],
        map_positions: Sequence[Tensor],
        pixels: Tensor,
        *,
        output_attentions: bool = False,
    ) -> DecodedQueries:
        """Run queries ``(batch, queries, size)`` through the layers.

        ``maps`` and their positions are ``(batch, size, rows, columns)``, and ``pixels`` ``(batch,
        mask_size, rows, columns)`` what masks are drawn on.
        """
        context = [each.flatten(2).transpose(1, 2) for each in maps]
        context_positions = [each.flatten(2).transpose(1, 2) for each in map_positions]
        decoded = DecodedQueries([states])
        self.draw(decoded, pixels)
        for number, layer in enumerate(self.layers):
            level = number % len(maps)
            states, weights, _ = self.run(
                layer,
                states,
                positions,
                None,
                context[level],
                context_positions[level],
                outside(decoded.masks[-1], maps[level].shape[-2:]),
                output_attentions=output_attentions,
            )
            decoded.states.append(states)
            if weights is not None:
                decoded.attentions.append(weights)
            self.draw(decoded, pixels)
        return decoded

    def draw(self, decoded: DecodedQueries, pixels: Tensor) -> None:
        """Add the norm and the masks of the last states."""
        normed = self.norm(decoded.states[-1])
        decoded.normed.append(normed)
        decoded.masks.append(torch.einsum("bqc,bchw->bqhw", self.mask_embedder(normed), pixels))


def outside(masks: Tensor, size: Sequence[int]) -> Tensor:
    """Return the additive mask ``(batch, 1, queries, places)`` of places where masks are not.

    Those of a query whose mask is nowhere on a map of that size are all seen.
    """
    drawn = F.interpolate(masks.detach(), size=tuple(size), mode="bilinear", align_corners=False)
    there = drawn.flatten(2) >= 0
    seen = there | ~there.any(-1, keepdim=True)
    return layers.additive(seen[:, None], masks.dtype)
