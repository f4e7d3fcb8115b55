"""The encoder and the decoder: embeddings, then layers, then perhaps a norm."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from functools import partial

import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core.errors import InputError
from automodel_core.families.fairseq.configuration import DecoderSizes
from automodel_core.layers.attention import Attention, Projections, equal_heads
from automodel_core.layers.caches.position import PositionSpan
from automodel_core.layers.feed_forward import FeedForward
from automodel_core.layers.kernels.linear import look_up
from automodel_core.layers.kernels.norms import layer_norm
from automodel_core.layers.positions.absolute import ScaledEmbedding
from automodel_core.layers.stack import TransformerStack, repeated
from automodel_core.layers.transformer import TransformerLayer
from automodel_core.modeling.bodies.inputs import TextInputs
from automodel_core.modeling.bodies.text import TextStack

__all__ = [
    "FairseqStack",
    "NormedTokenEmbeddings",
    "SummedEmbeddings",
    "TextEmbeddings",
    "text_layer",
    "token_embedding",
]


class TextEmbeddings(nn.Module):
    """Tokens and positions, combined, with dropout.

    ``inputs_embeds`` replace the embedded tokens; ``scale`` multiplies either. Without ``norm``
    nothing is normalised.
    """

    def __init__(
        self,
        embed_tokens: nn.Embedding,
        embed_positions: nn.Module,
        norm: nn.Module | None = None,
        dropout: float = 0.0,
        scale: float = 1.0,
    ) -> None:
        super().__init__()
        self.embed_tokens = embed_tokens
        self.embed_positions = embed_positions
        self.norm = nn.Identity() if norm is None else norm
        self.dropout = dropout
        self.scale = scale

    @abstractmethod
    def combine(self, tokens: Tensor, positions: Tensor) -> Tensor:
        """Return ``(batch, length, size)`` for embedded tokens and positions."""

    def forward(
        self, input_ids: Tensor | None, inputs_embeds: Tensor | None, span: PositionSpan
    ) -> Tensor:
        tokens = inputs_embeds
        if tokens is None:
            if input_ids is None:
                raise InputError("give either input_ids or inputs_embeds")
            tokens = look_up(self.embed_tokens, input_ids)
        positions = self.embed_positions(input_ids, tokens, span)
        scaled = tokens if self.scale == 1.0 else tokens * self.scale
        return F.dropout(self.combine(scaled, positions), self.dropout, self.training)


class SummedEmbeddings(TextEmbeddings):
    """The sum of both, normalised."""

    def combine(self, tokens: Tensor, positions: Tensor) -> Tensor:
        combined: Tensor = self.norm(tokens + positions)
        return combined


class NormedTokenEmbeddings(TextEmbeddings):
    """The tokens normalised, then the positions added."""

    def combine(self, tokens: Tensor, positions: Tensor) -> Tensor:
        combined: Tensor = self.norm(tokens) + positions
        return combined


def token_embedding(config: DecoderSizes, vocab_size: int | None = None) -> ScaledEmbedding:
    """Return embeddings of the configuration's vocabulary, or of one of another size.

    They are scaled as the configuration says; given ``inputs_embeds`` are not.
    """
    size, scale = config.d_model, config.embedding_scale
    return ScaledEmbedding(vocab_size or config.vocab_size, size, config.pad_token_id, scale)


def text_layer(
    config: DecoderSizes,
    *,
    decoder: bool,
    norm_first: bool,
    heads: Callable[..., Projections] = equal_heads,
) -> TransformerLayer:
    """Return a layer of the encoder, or of the decoder, which can attend to an encoder.

    ``heads`` makes the projections of an attention.
    """
    side, size = config.side(decoder=decoder), config.d_model
    return TransformerLayer(
        Attention(heads(size, side.heads), dropout=config.attention_dropout),
        FeedForward(
            size,
            side.ffn_dim,
            activation=config.activation_function,
            dropout=config.activation_dropout,
        ),
        partial(layer_norm, size),
        norm_first=norm_first,
        cross_attn=Attention(
            heads(size, side.heads, context_size=config.cross_attention_hidden_size),
            dropout=config.attention_dropout,
        )
        if decoder
        else None,
        dropout=config.dropout,
    )


class FairseqStack(TextStack):
    """The encoder or the decoder, from its ``embeddings``, a recipe of a layer, and a last norm."""

    def __init__(
        self,
        config: DecoderSizes,
        embeddings: TextEmbeddings,
        layer: Callable[[], TransformerLayer],
        norm: nn.Module | None = None,
        *,
        decoder: bool,
    ) -> None:
        super().__init__(config, decoder=decoder)
        side = config.side(decoder=decoder)
        layers = repeated(layer, side.layers)
        self.embeddings = embeddings
        self.stack = TransformerStack(layers, norm, layerdrop=side.layerdrop)

    def embed(self, inputs: TextInputs) -> Tensor:
        embedded: Tensor = self.embeddings(inputs.input_ids, inputs.inputs_embeds, inputs.span)
        return embedded
