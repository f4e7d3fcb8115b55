"""Nano: a pre-norm decoder over learned positions."""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import nn

from automodel_core.checkpoint import WeightNames
from automodel_core.layers import (
    Attention,
    Embedding,
    FeedForward,
    Linear,
    TransformerLayer,
    TransformerStack,
    equal_heads,
)
from automodel_core.modeling import PreTrainedModel, TextBody, TextModelForCausalLM
from automodel_nano.configuration import NanoConfig


def nano_layer(config: NanoConfig) -> TransformerLayer:
    """Return one layer: all that makes Nano differ from other decoders stands here."""
    return TransformerLayer(
        Attention(equal_heads(config.n_embd, config.n_head), dropout=config.dropout),
        FeedForward(config.n_embd, 4 * config.n_embd, activation="gelu"),
        partial(nn.LayerNorm, config.n_embd),
        norm_first=True,
        dropout=config.dropout,
    )


class NanoPreTrainedModel(PreTrainedModel):
    """What both Nano models share: the names of the weights in a checkpoint."""

    config_class = NanoConfig
    config: NanoConfig
    base_model_prefix = "nano"

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        names = WeightNames(
            {
                "wte": "embed_tokens",
                "wpe": "embed_positions",
                "h.*.ln_1": "stack.layers.*.self_attn_norm",
                "h.*.attn.q": "stack.layers.*.self_attn.q_proj",
                "h.*.attn.k": "stack.layers.*.self_attn.k_proj",
                "h.*.attn.v": "stack.layers.*.self_attn.v_proj",
                "h.*.attn.o": "stack.layers.*.self_attn.o_proj",
                "h.*.ln_2": "stack.layers.*.mlp_norm",
                "h.*.mlp.wide": "stack.layers.*.mlp.up_proj",
                "h.*.mlp.narrow": "stack.layers.*.mlp.down_proj",
                "ln_f": "stack.norm",
            }
        )
        return names.nested(hub="nano", module=cls.body) if cls.body else names


class NanoModel(NanoPreTrainedModel, TextBody):
    """The body: tokens and positions, then layers; a token sees those before it."""

    def __init__(self, config: NanoConfig) -> None:
        super().__init__(config, decoder=True)
        self.embed_tokens = Embedding(config.vocab_size, config.n_embd)
        self.embed_positions = Embedding(config.n_positions, config.n_embd)
        layers = [nano_layer(config) for _ in range(config.n_layer)]
        self.stack = TransformerStack(layers, nn.LayerNorm(config.n_embd))
        self.post_init()


class NanoForCausalLM(NanoPreTrainedModel, TextModelForCausalLM):
    """Predict the next token; the output layer shares the input embeddings."""

    def __init__(self, config: NanoConfig) -> None:
        super().__init__(config)
        self.model = NanoModel(config)
        self.lm_head = Linear(config.n_embd, config.vocab_size, bias=False)
        self.post_init()
