"""Nano: a pre-norm decoder over learned positions."""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import Tensor, nn

from automodel_core.checkpoint import WeightNames
from automodel_core.errors import InputError
from automodel_core.layers import (
    Attention,
    Cache,
    Embedding,
    FeedForward,
    Linear,
    TransformerLayer,
    TransformerStack,
    decoder_mask,
    equal_heads,
    span_of,
)
from automodel_core.modeling import (
    BaseModelOutput,
    PreTrainedModel,
    TextModelForCausalLM,
    model_call,
)
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


class NanoModel(NanoPreTrainedModel):
    """The body: embeddings and layers."""

    def __init__(self, config: NanoConfig) -> None:
        super().__init__(config)
        self.embed_tokens = Embedding(config.vocab_size, config.n_embd)
        self.embed_positions = Embedding(config.n_positions, config.n_embd)
        layers = [nano_layer(config) for _ in range(config.n_layer)]
        self.stack = TransformerStack(layers, nn.LayerNorm(config.n_embd))
        self.post_init()

    @model_call
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        past_key_values: Cache | None = None,
        use_cache: bool | None = None,
        *,
        output_attentions: bool,
        output_hidden_states: bool,
        **_: Any,
    ) -> BaseModelOutput:
        """Run ``(batch, length)`` tokens, or their embeddings, through the layers."""
        if (input_ids is None) == (inputs_embeds is None):
            raise InputError("give either input_ids or inputs_embeds")
        embeds = self.embed_tokens(input_ids) if inputs_embeds is None else inputs_embeds
        cache = past_key_values
        if cache is None and (self.config.use_cache if use_cache is None else use_cache):
            cache = Cache()
        span = span_of(cache, embeds)
        if span.exceeds(self.config.n_positions):
            raise InputError(f"{span.end} positions, n_positions={self.config.n_positions}")
        if position_ids is None:
            position_ids = span.positions[None]
        states = embeds + self.embed_positions(position_ids)
        mask = decoder_mask(attention_mask, span, states)
        output = self.stack(
            states,
            mask,
            cache=cache,
            output_attentions=output_attentions,
            output_hidden_states=output_hidden_states,
        )
        return BaseModelOutput(past_key_values=cache, **vars(output))


class NanoForCausalLM(NanoPreTrainedModel, TextModelForCausalLM):
    """Predict the next token; the output layer shares the input embeddings."""

    def __init__(self, config: NanoConfig) -> None:
        super().__init__(config)
        self.model = NanoModel(config)
        self.lm_head = Linear(config.n_embd, config.vocab_size, bias=False)
        self.post_init()
