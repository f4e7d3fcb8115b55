"""The text encoder of VITS: attention by relative positions, and convolutions between tokens."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core import layers, modeling
from automodel_vits.configuration import VitsConfig


@dataclass
class VitsTextEncoderOutput(modeling.ModelOutput):
    """States of a text, and the distribution of sounds that they stand for."""

    last_hidden_state: Tensor
    prior_means: Tensor
    prior_log_variances: Tensor
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


class VitsAttention(nn.Module):
    """Attention with vectors for relative positions, which keys and values are given.

    See https://arxiv.org/abs/1803.02155. Tokens more than ``window_size`` apart have none.
    """

    def __init__(self, config: VitsConfig) -> None:
        super().__init__()
        size, bias = config.hidden_size, config.use_bias
        self.num_heads = config.num_attention_heads
        self.head_dim = size // self.num_heads
        self.dropout = config.attention_dropout
        self.k_proj = layers.linear(size, size, bias=bias)
        self.v_proj = layers.linear(size, size, bias=bias)
        self.q_proj = layers.linear(size, size, bias=bias)
        self.out_proj = layers.linear(size, size, bias=bias)
        self.window_size = config.window_size
        if config.window_size:
            shape = 1, 2 * config.window_size + 1, self.head_dim
            self.emb_rel_k = nn.Parameter(torch.empty(shape))
            self.emb_rel_v = nn.Parameter(torch.empty(shape))

    def new_state(self, cache: layers.Cache) -> layers.LayerState:
        return cache.new_attention()

    def forward(
        self,
        hidden_states: Tensor,
        mask: Tensor | None = None,
        *,
        output_attentions: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Attend over the text; return the new states and, on request, the weights."""
        query = self._split(layers.project(self.q_proj, hidden_states)) * self.head_dim**-0.5
        key = self._split(layers.project(self.k_proj, hidden_states))
        value = self._split(layers.project(self.v_proj, hidden_states))
        scores = query @ key.transpose(-1, -2)
        near = self._distances(hidden_states.shape[1], hidden_states.device)
        if near is not None:
            by_distance = query @ self.emb_rel_k.transpose(-1, -2)
            index, far = near
            found = by_distance.gather(-1, index.expand(*scores.shape))
            scores = scores + found.masked_fill(far, 0.0)
        if mask is not None:
            scores = scores + mask
        weights = scores.softmax(dim=-1)
        kept = F.dropout(weights, self.dropout, self.training)
        attended = kept @ value
        if near is not None:
            index, far = near
            summed = kept.new_zeros(*kept.shape[:-1], self.emb_rel_v.shape[1])
            summed = summed.scatter_add(-1, index.expand(*kept.shape), kept.masked_fill(far, 0.0))
            attended = attended + summed @ self.emb_rel_v
        joined = attended.transpose(1, 2).flatten(2)
        return layers.project(self.out_proj, joined), weights if output_attentions else None

    def _distances(self, length: int, device: torch.device) -> tuple[Tensor, Tensor] | None:
        """Return ``(queries, keys)``: the row for each distance, and which keys are too far."""
        if not self.window_size:
            return None
        places = torch.arange(length, device=device)
        distances = places - places[:, None]
        window = self.window_size
        return distances.clamp(-window, window) + window, distances.abs() > window

    def _split(self, projected: Tensor) -> Tensor:
        heads: Tensor = projected.unflatten(-1, (self.num_heads, self.head_dim))
        return heads.transpose(1, 2)


class VitsFeedForward(nn.Module):
    """Two convolutions over neighbouring tokens, to which padding is zero."""

    def __init__(self, config: VitsConfig) -> None:
        super().__init__()
        size, wide, kernel = config.hidden_size, config.ffn_dim, config.ffn_kernel_size
        self.conv_1 = nn.Conv1d(size, wide, kernel)
        self.conv_2 = nn.Conv1d(wide, size, kernel)
        self.activation = layers.activation(config.hidden_act)
        self.dropout = config.activation_dropout
        self.padding = (kernel - 1) // 2, kernel // 2

    def forward(self, hidden_states: Tensor, shown: Tensor | None) -> Tensor:
        states = self.activation(self._convolve(self.conv_1, hidden_states.transpose(1, 2), shown))
        states = F.dropout(states, self.dropout, self.training)
        return masked(self._convolve(self.conv_2, states, shown), shown).transpose(1, 2)

    def _convolve(self, conv: nn.Module, states: Tensor, shown: Tensor | None) -> Tensor:
        convolved: Tensor = conv(F.pad(masked(states, shown), self.padding))
        return convolved


class VitsEncoderLayer(nn.Module):
    """Attention and convolutions, normalised after each."""

    def __init__(self, config: VitsConfig) -> None:
        super().__init__()
        self.attention = VitsAttention(config)
        self.layer_norm = layers.layer_norm(config.hidden_size, eps=config.layer_norm_eps)
        self.feed_forward = VitsFeedForward(config)
        self.final_layer_norm = layers.layer_norm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = config.hidden_dropout

    def new_state(self, cache: layers.Cache) -> layers.LayerState:
        return self.attention.new_state(cache)

    def forward(
        self,
        hidden_states: Tensor,
        inputs: layers.LayerInputs,
        *,
        cache: layers.LayerCache | None = None,
        output_attentions: bool = False,
    ) -> tuple[Tensor, tuple[Tensor | None, Tensor | None]]:
        """Return the new states and, on request, the weights of attention.

        What the mask hides from attention is zero to the convolutions.
        """
        mask = inputs.mask if isinstance(inputs.mask, Tensor) else None
        added, weights = self.attention(hidden_states, mask, output_attentions=output_attentions)
        hidden_states = self.layer_norm(hidden_states + self._dropped(added))
        shown = None if mask is None else (mask[:, 0] == 0).to(hidden_states.dtype)
        added = self.feed_forward(hidden_states, shown)
        return self.final_layer_norm(hidden_states + self._dropped(added)), (weights, None)

    def _dropped(self, added: Tensor) -> Tensor:
        return F.dropout(added, self.dropout, self.training)


class VitsTextEncoder(nn.Module):
    """Tokens to states, and to the means and variances of what they sound like."""

    def __init__(self, config: VitsConfig) -> None:
        super().__init__()
        size = config.hidden_size
        self.scale = math.sqrt(size)
        self.embed_tokens = layers.embedding(config.vocab_size, size, config.pad_token_id)
        self.encoder = layers.TransformerStack(
            layers.repeated(partial(VitsEncoderLayer, config), config.num_hidden_layers),
            layerdrop=config.layerdrop,
        )
        self.project = nn.Conv1d(size, 2 * config.flow_size, 1)

    def forward(
        self,
        input_ids: Tensor,
        padding_mask: Tensor,
        attention_mask: Tensor | None = None,
        output_attentions: bool = False,
        output_hidden_states: bool = False,
    ) -> VitsTextEncoderOutput:
        """Encode ``(batch, length)``; ``padding_mask`` ``(batch, length, 1)`` is 0 at padding."""
        states = layers.look_up(self.embed_tokens, input_ids) * self.scale * padding_mask
        output = self.encoder(
            states,
            layers.padding_mask(attention_mask, states.dtype),
            output_attentions=output_attentions,
            output_hidden_states=output_hidden_states,
        )
        last = output.last_hidden_state * padding_mask
        seen = output.hidden_states
        moments = self.project(last.transpose(1, 2)).transpose(1, 2) * padding_mask
        means, log_variances = moments.chunk(2, dim=2)
        return VitsTextEncoderOutput(
            last_hidden_state=last,
            prior_means=means,
            prior_log_variances=log_variances,
            hidden_states=None if seen is None else (*seen[:-1], last),
            attentions=output.attentions,
        )


def masked(states: Tensor, shown: Tensor | None) -> Tensor:
    """Return states, zero where ``shown`` is; ``None`` shows all."""
    return states if shown is None else states * shown
