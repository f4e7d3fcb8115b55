"""DeBERTa: BERT whose attention keeps apart what tokens are and how far they are."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

from torch import Tensor, nn

import automodel_core.families.bert as family
from automodel_core import layers, modeling
from automodel_core.checkpoint import WeightNames
from automodel_deberta.attention import DebertaAttention, DebertaV2Attention
from automodel_deberta.configuration import DebertaConfig, DebertaFamilyConfig, DebertaV2Config
from automodel_deberta.convolution import LayerWithConvolution
from automodel_deberta.distances import Distances, DistanceView, UnusedNorm
from automodel_deberta.weights import deberta_names


class DebertaFamilyPreTrainedModel(family.BertFamilyPreTrainedModel):
    """What both versions share: names of weights, and what a head has of its own."""

    config: DebertaFamilyConfig
    base_model_prefix = "deberta"

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return deberta_names(
            cls.body,
            is_legacy=config.legacy,
            is_tied=config.tie_word_embeddings,
            is_placed=config.position_biased_input,
        )

    @classmethod
    def make_transform(cls, config: DebertaFamilyConfig) -> modeling.HeadTransform:
        size, inner = config.hidden_size, config.token_size
        return modeling.HeadTransform(size, config.hidden_act, config.layer_norm_eps, inner)

    def resize_position_embeddings(self, new_num_position_embeddings: int) -> None:
        """Change the number of positions; distances stay as they are."""
        limit = self.config.distance_limit
        super().resize_position_embeddings(new_num_position_embeddings)
        self.config.max_relative_positions = limit


class DebertaFamilyModel(DebertaFamilyPreTrainedModel, family.BertFamilyModel):
    """The body: embeddings, distances, layers."""

    def __init__(self, config: DebertaFamilyConfig, add_pooling_layer: bool = False) -> None:
        super().__init__(config, add_pooling_layer=False)
        self.embed_norm = layers.layer_norm(config.hidden_size, eps=config.layer_norm_eps)
        self.distances = self.make_distances(config)
        self.post_init()

    @classmethod
    def make_distances(cls, config: DebertaFamilyConfig) -> Distances | UnusedNorm | None:
        """Return the embeddings of distances; of contents only, their norm if files have it."""
        norm = None
        if config.norms_distances:
            norm = layers.layer_norm(config.hidden_size, eps=config.layer_norm_eps)
        if not config.relative_attention:
            return None if norm is None else UnusedNorm(norm)
        sizes = config.distance_span, config.distance_limit, config.hidden_size
        return Distances(*sizes, buckets=config.shares_distances, norm=norm)

    @classmethod
    def make_positions(cls, config: DebertaFamilyConfig) -> nn.Module:
        return super().make_positions(config) if config.position_biased_input else nn.Identity()

    @property
    def is_absolute(self) -> bool:
        return bool(self.config.position_biased_input)

    @classmethod
    def make_projection(cls, config: DebertaFamilyConfig) -> nn.Module:
        size, hidden = config.token_size, config.hidden_size
        return nn.Identity() if size == hidden else layers.linear(size, hidden, bias=False)

    def embed(self, inputs: modeling.TextInputs) -> Tensor:
        """Add positions and token types where there are any; padding is all zeros."""
        embedded = inputs.embedded_by(self.embed_tokens)
        if self.is_absolute:
            embedded = self.place(embedded, inputs)
        if self.config.type_vocab_size > 0:
            embedded = embedded + self.embedded_types(inputs)
        states: Tensor = self.embed_norm(self.embed_proj(embedded))
        mask = inputs.attention_mask
        if mask is not None and mask.dim() == 2 and layers.visible_keys(mask) is not None:
            states = states * mask[..., None].to(states)
        dropped: Tensor = self.embed_dropout(states)
        return dropped

    def mask(self, inputs: modeling.TextInputs, states: Tensor) -> DistanceView:
        view = DistanceView.of(inputs.attention_mask, states.dtype)
        return view if self.distances is None else self.distances(states.shape[1], view)


class HeadWithContext(family.HeadWithPooler):
    """A head that pools the first state by a layer of its own."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.pooler = ContextPooler(config)
        self.post_init()


class ContextPooler(modeling.Pooler):
    """The first position's state, dropped in part, and a linear layer and activation."""

    def __init__(self, config: DebertaFamilyConfig) -> None:
        super().__init__(config.hidden_size, activation=config.pooler_hidden_act)
        self.dropout = nn.Dropout(config.pooler_dropout)

    def forward(self, hidden_states: Tensor) -> Tensor:
        return super().forward(self.dropout(hidden_states[:, :1]))


def share_loss(scores: Tensor, shares: Tensor, reduction: Literal["mean", "sum"]) -> Tensor:
    """Return the cross-entropy against ``(batch, classes)``, of which each share counts as one."""
    losses = -shares.shape[-1] * scores.log_softmax(dim=-1) * shares
    return losses.mean() if reduction == "mean" else losses.sum()


class LabelsOfTexts(HeadWithContext, family.BertFamilyForSequenceClassification):
    """Classify texts; without a ``problem_type`` labels may be shares of classes."""

    def loss(
        self, logits: Tensor, labels: Tensor, num_items_in_batch: modeling.ItemCount = None
    ) -> Tensor:
        if self.config.problem_type is not None or self.config.num_labels == 1:
            return super().loss(logits, labels, num_items_in_batch)
        if labels.dim() == 1 or labels.shape[-1] == 1:
            labels = labels.long().flatten()
            if not bool((labels >= 0).any()):
                return logits.sum() * 0.0  # a batch without labels teaches nothing
            labels = labels.masked_fill(labels < 0, -100)
            return modeling.token_loss(logits, labels, num_items_in_batch)
        return modeling.batch_mean(share_loss, logits, labels, num_items_in_batch)


class LabelsOfTokens(family.BertFamilyForTokenClassification):
    """Classify tokens, before which as much is dropped as within the body."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)


def deberta_layer(
    config: DebertaFamilyConfig,
    attention: layers.SelfAttention,
    kind: Callable[..., layers.TransformerLayer] = layers.TransformerLayer,
) -> layers.TransformerLayer:
    """Return one layer, which normalises what leaves each part."""
    size, inner = config.hidden_size, config.intermediate_size
    return kind(
        attention,
        layers.FeedForward(size, inner, activation=config.hidden_act),
        partial(layers.layer_norm, size, eps=config.layer_norm_eps),
        norm_first=False,
        dropout=config.hidden_dropout_prob,
    )


# ---- the first version ----


class DebertaPreTrainedModel(DebertaFamilyPreTrainedModel):
    """What all models of the first version share."""

    config_class = DebertaConfig
    config: DebertaConfig

    @classmethod
    def make_layer(cls, config: DebertaConfig) -> layers.TransformerLayer:
        return deberta_layer(config, DebertaAttention(config))


class DebertaModel(DebertaPreTrainedModel, DebertaFamilyModel):
    """The body: embeddings, distances, layers."""


class DebertaForMaskedLM(DebertaPreTrainedModel, family.BertFamilyForMaskedLM):
    """Guess the tokens behind the masks."""

    model_class = DebertaModel


class DebertaForSequenceClassification(DebertaPreTrainedModel, LabelsOfTexts):
    """Classify texts, or give them numbers."""

    model_class = DebertaModel


class DebertaForTokenClassification(DebertaPreTrainedModel, LabelsOfTokens):
    """Classify each token."""

    model_class = DebertaModel


class DebertaForQuestionAnswering(DebertaPreTrainedModel, family.BertFamilyForQuestionAnswering):
    """Find where in a text the answer to a question starts and ends."""

    model_class = DebertaModel


# ---- the second version, and the third ----


class DebertaV2PreTrainedModel(DebertaFamilyPreTrainedModel):
    """What all models of the second and the third version share."""

    config_class = DebertaV2Config
    config: DebertaV2Config

    @classmethod
    def make_layer(cls, config: DebertaV2Config) -> layers.TransformerLayer:
        return deberta_layer(config, DebertaV2Attention(config))


class DebertaV2Model(DebertaV2PreTrainedModel, DebertaFamilyModel):
    """The body: embeddings, distances, layers."""

    @classmethod
    def make_stack(cls, config: DebertaV2Config) -> layers.TransformerStack:
        recipes = layers.repeated(partial(cls.make_layer, config), config.num_hidden_layers)
        if config.conv_kernel_size:
            kind = partial(LayerWithConvolution, config)
            recipes[0] = deberta_layer(config, DebertaV2Attention(config), kind)
        return layers.TransformerStack(recipes)


class DebertaV2ForMaskedLM(DebertaV2PreTrainedModel, family.BertFamilyForMaskedLM):
    """Guess the tokens behind the masks."""

    model_class = DebertaV2Model


class DebertaV2ForSequenceClassification(DebertaV2PreTrainedModel, LabelsOfTexts):
    """Classify texts, or give them numbers."""

    model_class = DebertaV2Model


class DebertaV2ForMultipleChoice(
    DebertaV2PreTrainedModel, HeadWithContext, family.BertFamilyForMultipleChoice
):
    """Choose one of several texts."""

    model_class = DebertaV2Model


class DebertaV2ForTokenClassification(DebertaV2PreTrainedModel, LabelsOfTokens):
    """Classify each token."""

    model_class = DebertaV2Model


class DebertaV2ForQuestionAnswering(
    DebertaV2PreTrainedModel, family.BertFamilyForQuestionAnswering
):
    """Find where in a text the answer to a question starts and ends."""

    model_class = DebertaV2Model
