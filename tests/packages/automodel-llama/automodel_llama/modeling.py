"""Llama: pre-norm layers with rotary positions, grouped heads and a gated feed-forward part."""

from __future__ import annotations

from functools import partial
from typing import Any

from automodel_core.checkpoint import WeightNames
from automodel_core.layers import (
    Attention,
    Embedding,
    GatedFeedForward,
    Linear,
    RMSNorm,
    RotaryEmbedding,
    TransformerLayer,
    TransformerStack,
    grouped_heads,
)
from automodel_core.modeling import PreTrainedModel, TextBody, TextModelForCausalLM
from automodel_llama.configuration import LlamaConfig


def llama_layer(config: LlamaConfig) -> TransformerLayer:
    size, heads = config.hidden_size, config.num_attention_heads
    shared, bias = config.num_key_value_heads or heads, config.attention_bias
    return TransformerLayer(
        Attention(
            grouped_heads(size, heads, shared, head_dim=config.head_dim, bias=bias),
            dropout=config.attention_dropout,
        ),
        GatedFeedForward(
            size, config.intermediate_size, activation=config.hidden_act, bias=config.mlp_bias
        ),
        partial(RMSNorm, size, config.rms_norm_eps),
        norm_first=True,
    )


class LlamaPreTrainedModel(PreTrainedModel):
    """What both models share: the names of the weights in a checkpoint."""

    config_class = LlamaConfig
    config: LlamaConfig
    base_model_prefix = "model"

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        names = WeightNames(
            {
                "layers": "stack.layers",
                "layers.*.input_layernorm": "stack.layers.*.self_attn_norm",
                "layers.*.post_attention_layernorm": "stack.layers.*.mlp_norm",
                "norm": "stack.norm",
            },
            ignored=["layers.*.self_attn.rotary_emb.inv_freq"],
        )
        return names.nested(hub="model", module=cls.body) if cls.body else names


class LlamaModel(LlamaPreTrainedModel, TextBody):
    """The decoder without a head."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__(config, decoder=True)
        size, limit = config.hidden_size, config.max_position_embeddings
        head_dim = config.head_dim or size // config.num_attention_heads
        self.embed_tokens = Embedding(config.vocab_size, size, padding_idx=config.pad_token_id)
        self.rotary = RotaryEmbedding.of(head_dim, config.rope, limit)
        layers = [llama_layer(config) for _ in range(config.num_hidden_layers)]
        self.stack = TransformerStack(layers, RMSNorm(size, config.rms_norm_eps))
        self.post_init()


class LlamaForCausalLM(LlamaPreTrainedModel, TextModelForCausalLM):
    """Predict the next token."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__(config)
        self.model = LlamaModel(config)
        self.lm_head = Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()
