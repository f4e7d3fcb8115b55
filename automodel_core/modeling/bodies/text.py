"""A body of one stack that reads tokens: an encoder, or a decoder that may attend to one."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor, nn

from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import InputError
from automodel_core.layers.caches.base import Cache, span_of
from automodel_core.layers.caches.key_view import Mask
from automodel_core.layers.caches.position import PositionSpan
from automodel_core.layers.masks import context_mask
from automodel_core.layers.stack import TransformerStack
from automodel_core.modeling.calls import model_call
from automodel_core.modeling.outputs import BaseModelOutput
from automodel_core.modeling.pretrained.base import PreTrainedModel

__all__ = ["TextBody", "absolute_positions"]


class TextBody(PreTrainedModel):
    """Embed, mask, and run the layers of ``stack``; a decoder keeps a cache.

    A subclass builds ``embed_tokens`` and ``stack``, and may set a ``pooler`` of the last states.
    Its configuration has ``use_cache``.
    """

    embed_tokens: nn.Embedding
    stack: TransformerStack
    pooler: nn.Module | None

    def __init__(self, config: PreTrainedConfig, *, decoder: bool) -> None:
        super().__init__(config)
        self.is_decoder = decoder
        self.pooler = None

    @abstractmethod
    def embed(
        self,
        tokens: Tensor,
        token_type_ids: Tensor | None,
        position_ids: Tensor | None,
        span: PositionSpan,
    ) -> Tensor:
        """Return what enters the first layer; ``span`` is where the tokens stand."""

    @abstractmethod
    def mask(self, states: Tensor, attention_mask: Tensor | None, span: PositionSpan) -> Mask:
        """Return the mask over the sequence."""

    @model_call
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        past_key_values: Cache | None = None,
        use_cache: bool | None = None,
        *,
        output_attentions: bool,
        output_hidden_states: bool,
    ) -> BaseModelOutput:
        """Run ``(batch, length)`` tokens, or their embeddings, through the layers.

        A mask of three dimensions says for each query which keys it sees, and nothing is added.
        """
        if (input_ids is None) == (inputs_embeds is None):
            raise InputError("give either input_ids or inputs_embeds")
        if encoder_hidden_states is not None and not self.config.add_cross_attention:
            raise InputError(
                "encoder_hidden_states need cross-attention, which this model lacks: load it with "
                "is_decoder=True, add_cross_attention=True"
            )
        wanted = self.config.use_cache if use_cache is None else use_cache
        recomputes = self.training and self.stack.gradient_checkpointing
        use_cache = wanted and self.is_decoder and not recomputes
        cache = Cache() if use_cache and past_key_values is None else past_key_values
        tokens = self.embed_tokens(input_ids) if inputs_embeds is None else inputs_embeds
        span = span_of(cache, tokens)
        states = self.embed(tokens, token_type_ids, position_ids, span)
        mask = self.mask(states, attention_mask, span)
        output = self.stack(
            states,
            mask,
            cache=cache,
            context=encoder_hidden_states,
            context_mask=context_mask(encoder_attention_mask, states.dtype, cache),
            output_attentions=output_attentions,
            output_hidden_states=output_hidden_states,
        )
        return BaseModelOutput(
            pooler_output=None if self.pooler is None else self.pooler(output.last_hidden_state),
            past_key_values=cache if use_cache else None,
            **vars(output),
        )


def absolute_positions(
    position_ids: Tensor | None, span: PositionSpan, config: PreTrainedConfig
) -> Tensor:
    """Return the given positions, or else those of ``span``.

    Raises `InputError` where these are more than the configuration's ``max_position_embeddings``.
    """
    if position_ids is not None:
        return position_ids
    limit = config.max_position_embeddings
    if span.exceeds(limit):
        raise InputError(f"{span.end} positions are more than max_position_embeddings={limit}")
    return span.positions[None]
