"""The layer of ViT (https://arxiv.org/abs/2010.11929)."""

from __future__ import annotations

from functools import partial
from typing import Any

from automodel_core.layers.attention import Attention, equal_heads
from automodel_core.layers.feed_forward import FeedForward
from automodel_core.layers.kernels.norms import layer_norm
from automodel_core.layers.transformer import TransformerLayer

__all__ = ["vit_layer"]


def vit_layer(config: Any) -> TransformerLayer:
    """Return one layer, which normalises what enters each part; keys are those of ViT's files."""
    size, heads = config.hidden_size, config.num_attention_heads
    return TransformerLayer(
        Attention(
            equal_heads(size, heads, bias=config.qkv_bias, out_bias=True),
            dropout=config.attention_probs_dropout_prob,
        ),
        FeedForward(size, config.intermediate_size, activation=config.hidden_act),
        partial(layer_norm, size, eps=config.layer_norm_eps),
        norm_first=True,
        dropout=config.hidden_dropout_prob,
    )
