"""The body: embeddings, post-norm layers, and a pooler of the first token.

A plugin derives its own base from `BertFamilyPreTrainedModel`, where it states its configuration
and the names of its weights, and joins that base with the classes here and in `heads`.
"""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from automodel_core.errors import ConfigurationError
from automodel_core.families.bert.configuration import BertFamilyConfig
from automodel_core.families.bert.relative_positions import RelativePositions
from automodel_core.layers.attention import Attention, equal_heads
from automodel_core.layers.feed_forward import FeedForward
from automodel_core.layers.kernels.linear import embedding, linear, look_up
from automodel_core.layers.kernels.norms import layer_norm
from automodel_core.layers.stack import TransformerStack, repeated
from automodel_core.layers.transformer import TransformerLayer
from automodel_core.modeling.bodies.inputs import TextInputs
from automodel_core.modeling.bodies.text import TextBody
from automodel_core.modeling.heads.parts import HeadTransform, Pooler
from automodel_core.modeling.pretrained.base import PreTrainedModel

__all__ = [
    "BertFamilyModel",
    "BertFamilyPreTrainedModel",
    "PositionsBehindPadding",
    "bert_family_layer",
]


def bert_family_layer(
    config: BertFamilyConfig, position_scores: nn.Module | None = None
) -> TransformerLayer:
    """Return one layer, which normalises what leaves each part.

    ``position_scores`` are those that self-attention adds to its own.
    """

    def attention(position_scores: nn.Module | None = None) -> Attention:
        return Attention(
            equal_heads(config.hidden_size, config.num_attention_heads),
            dropout=config.attention_probs_dropout_prob,
            position_scores=position_scores,
        )

    return TransformerLayer(
        attention(position_scores),
        FeedForward(config.hidden_size, config.intermediate_size, activation=config.hidden_act),
        partial(layer_norm, config.hidden_size, eps=config.layer_norm_eps),
        norm_first=False,
        cross_attn=attention() if config.add_cross_attention else None,
        dropout=config.hidden_dropout_prob,
    )


class BertFamilyPreTrainedModel(PreTrainedModel):
    """The base of an architecture's models: what of their parts may differ, as methods."""

    config: Any
    optional_weights: ClassVar[tuple[str, ...]] = (
        "pooler", "stack.layers.*.cross_attn", "stack.layers.*.cross_attn_norm",
    )  # fmt: skip

    @classmethod
    def make_layer(cls, config: Any) -> TransformerLayer:
        """Return one layer of the body, which knows distances where the embeddings do not."""
        relative = config.position_embedding_type != "absolute"
        return bert_family_layer(config, RelativePositions(config) if relative else None)

    @classmethod
    def make_transform(cls, config: Any) -> HeadTransform:
        """Return what a state goes through before it is scored over the vocabulary."""
        return HeadTransform(config.hidden_size, config.hidden_act, config.layer_norm_eps)


class BertFamilyModel(BertFamilyPreTrainedModel, TextBody):
    """The body: embeddings, layers, and a pooler unless ``add_pooling_layer`` is false.

    Embeddings of another size than the states' are projected. ``has_token_types = False`` leaves
    out the embeddings of token types.
    """

    embed_positions: nn.Module
    has_token_types = True
    takes_cache = True

    def __init__(self, config: Any, add_pooling_layer: bool = True) -> None:
        super().__init__(config, decoder=config.is_decoder)
        if config.add_cross_attention and not config.is_decoder:
            raise ConfigurationError("add_cross_attention=True needs is_decoder=True")
        size = config.token_size
        padding = self.padding_row(config)
        self.embed_tokens = embedding(config.vocab_size, size, padding_idx=padding)
        self.embed_positions = self.make_positions(config)
        if self.has_token_types and config.type_vocab_size > 0:
            self.embed_token_types = embedding(config.type_vocab_size, size)
        self.embed_norm = layer_norm(size, eps=config.layer_norm_eps)
        self.embed_dropout = nn.Dropout(config.hidden_dropout_prob)
        self.embed_proj = self.make_projection(config)
        self.stack = self.make_stack(config)
        if add_pooling_layer:
            self.pooler = Pooler(config.hidden_size)
        self.post_init()

    @classmethod
    def padding_row(cls, config: Any) -> int | None:
        """Return the token whose embedding does not learn."""
        padding: int | None = config.pad_token_id
        return padding

    @classmethod
    def make_positions(cls, config: Any) -> nn.Module:
        """Return the embeddings of positions."""
        return embedding(config.max_position_embeddings, config.token_size)

    @classmethod
    def make_projection(cls, config: Any) -> nn.Module:
        """Return what leads from embeddings to states."""
        size, hidden = config.token_size, config.hidden_size
        return nn.Identity() if size == hidden else linear(size, hidden)

    @classmethod
    def make_stack(cls, config: Any) -> TransformerStack:
        """Return the layers."""
        make = partial(cls.make_layer, config)
        return TransformerStack(repeated(make, config.num_hidden_layers))

    @property
    def is_absolute(self) -> bool:
        kind: str = self.config.position_embedding_type
        return kind == "absolute"

    def positions_of(self, inputs: TextInputs) -> Tensor:
        """Return which embeddings of positions the tokens get."""
        return inputs.positions(self.config.position_limit)

    def place(self, embedded: Tensor, inputs: TextInputs) -> Tensor:
        """Add the embeddings of their positions to embedded tokens."""
        if self.is_absolute:
            placed: Tensor = embedded + look_up(self.embed_positions, self.positions_of(inputs))
            return placed
        inputs.position_ids = None
        inputs.positions(self.config.max_position_embeddings)  # which are limited all the same
        return embedded

    def embedded_types(self, inputs: TextInputs) -> Tensor:
        """Return the embeddings of token types, 0 by default."""
        types = inputs.token_type_ids
        if types is None:
            types = torch.zeros(1, 1, dtype=torch.long, device=self.embed_token_types.weight.device)
        return look_up(self.embed_token_types, types)

    def embed(self, inputs: TextInputs) -> Tensor:
        """Add token types (0 by default) and positions to the tokens, and normalise."""
        embedded = inputs.embedded_by(self.embed_tokens)
        if self.has_token_types:
            embedded = embedded + self.embedded_types(inputs)
        normed = self.embed_norm(self.place(embedded, inputs))
        projected: Tensor = self.embed_proj(self.embed_dropout(normed))
        return projected


class PositionsBehindPadding(BertFamilyModel):
    """A body whose positions count no padding and begin behind `padding_row`, if there is one.

    Embeddings do not show what is padding: their positions are counted from the first. The
    configuration's ``position_limit`` leaves out the rows that no token has.
    """

    @classmethod
    def make_positions(cls, config: Any) -> nn.Embedding:
        count, padding = config.max_position_embeddings, cls.padding_row(config)
        return embedding(count, config.token_size, padding_idx=padding)

    @property
    def first_position(self) -> int:
        padding = self.padding_row(self.config)
        return 0 if padding is None else padding + 1

    def positions_of(self, inputs: TextInputs) -> Tensor:
        counted = inputs.positions(self.config.position_limit)
        if inputs.position_ids is None and inputs.input_ids is None:
            counted = counted + self.first_position
        elif inputs.position_ids is None and inputs.input_ids is not None:
            padding = self.first_position - 1
            shown = inputs.input_ids != padding
            counted = (shown.cumsum(dim=1) + inputs.span.first) * shown + padding
        return counted
