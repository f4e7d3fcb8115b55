"""One stack of layers that reads tokens: an encoder, or a decoder that may attend to one."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from torch import Tensor, nn

from automodel_core.errors import InputError
from automodel_core.layers.caches.base import Cache, span_of
from automodel_core.layers.caches.key_view import Mask
from automodel_core.layers.caches.position import PositionSpan
from automodel_core.layers.masks import context_mask, decoder_mask, padding_mask
from automodel_core.layers.stack import TransformerStack
from automodel_core.modeling.calls import model_call
from automodel_core.modeling.outputs import BaseModelOutput

__all__ = ["TextStack"]


class TextStack(nn.Module):
    """Embed, mask, and run the layers of ``stack``; a decoder keeps a cache."""

    def __init__(self, config: Any, stack: TransformerStack, *, decoder: bool) -> None:
        super().__init__()
        self.config = config
        self.is_decoder = decoder
        self.stack = stack

    @abstractmethod
    def embed(
        self, input_ids: Tensor | None, inputs_embeds: Tensor | None, span: PositionSpan
    ) -> Tensor:
        """Return what enters the first layer; ``span`` is where the tokens stand."""

    def mask(
        self, states: Tensor, attention_mask: Tensor | None, span: PositionSpan, cache: Cache | None
    ) -> Mask:
        """Return the mask over the sequence."""
        if not self.is_decoder:
            return padding_mask(attention_mask, states.dtype)
        return decoder_mask(attention_mask, span, states)

    @model_call
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        past_key_values: Cache | None = None,
        use_cache: bool | None = None,
        *,
        output_attentions: bool,
        output_hidden_states: bool,
    ) -> BaseModelOutput:
        """Run ``(batch, length)`` tokens, or their embeddings, through the layers."""
        if (input_ids is None) == (inputs_embeds is None):
            side = "decoder_" if self.is_decoder else ""
            raise InputError(f"give either {side}input_ids or {side}inputs_embeds")
        use_cache = self.config.use_cache if use_cache is None else use_cache
        cache = past_key_values if self.is_decoder else None
        recomputes = self.training and self.stack.gradient_checkpointing
        if cache is None and use_cache and self.is_decoder and not recomputes:
            cache = Cache()
        tokens: Any = input_ids if inputs_embeds is None else inputs_embeds
        span = span_of(cache, tokens)
        states = self.embed(input_ids, inputs_embeds, span)
        mask = self.mask(states, attention_mask, span, cache)
        output = self.stack(
            states,
            mask,
            cache=cache,
            context=encoder_hidden_states,
            context_mask=context_mask(encoder_attention_mask, states.dtype, cache),
            output_attentions=output_attentions,
            output_hidden_states=output_hidden_states,
        )
        return BaseModelOutput(past_key_values=cache, **vars(output))
