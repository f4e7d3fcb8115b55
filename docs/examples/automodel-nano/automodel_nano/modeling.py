"""Nano: a pre-norm decoder over learned positions."""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import nn

from automodel_core import layers, modeling
from automodel_core.checkpoint import WeightNames
from automodel_nano.configuration import NanoConfig


def nano_layer(config: NanoConfig) -> layers.TransformerLayer:
    """Return one layer: all that makes Nano differ from other decoders stands here."""
    return layers.TransformerLayer(
        layers.Attention(layers.equal_heads(config.n_embd, config.n_head), dropout=config.dropout),
        layers.FeedForward(config.n_embd, 4 * config.n_embd, activation="gelu"),
        partial(nn.LayerNorm, config.n_embd),
        norm_first=True,
        dropout=config.dropout,
    )


class NanoPreTrainedModel(modeling.PreTrainedModel):
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


class NanoModel(NanoPreTrainedModel, modeling.TextBody):
    """The body: tokens and positions, then layers; a token sees those before it."""

    def __init__(self, config: NanoConfig) -> None:
        super().__init__(config, decoder=True)
        self.embed_tokens = layers.embedding(config.vocab_size, config.n_embd)
        self.embed_positions = layers.embedding(config.n_positions, config.n_embd)
        self.stack = layers.TransformerStack(
            [nano_layer(config) for _ in range(config.n_layer)], nn.LayerNorm(config.n_embd)
        )
        self.post_init()


class NanoForCausalLM(NanoPreTrainedModel, modeling.TextModelForCausalLM):
    """Predict the next token; the output layer shares the input embeddings."""

    def __init__(self, config: NanoConfig) -> None:
        super().__init__(config)
        self.model = NanoModel(config)
        self.lm_head = layers.linear(config.n_embd, config.vocab_size, bias=False)
        self.post_init()
