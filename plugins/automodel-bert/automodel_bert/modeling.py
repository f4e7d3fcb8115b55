"""BERT: post-norm layers over learned positions, pooled by the first token."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_bert.configuration import BertConfig
from automodel_bert.relative_positions import RelativePositions
from automodel_bert.weights import bert_names
from automodel_core import layers, modeling
from automodel_core.checkpoint import WeightNames
from automodel_core.errors import ConfigurationError

if TYPE_CHECKING:
    from typing_extensions import Unpack

logger = logging.getLogger("automodel_core")


def bert_layer(config: BertConfig) -> layers.TransformerLayer:
    """Return one layer, which normalises what leaves each part."""

    def attention(position_scores: nn.Module | None = None) -> layers.Attention:
        return layers.Attention(
            layers.equal_heads(config.hidden_size, config.num_attention_heads),
            dropout=config.attention_probs_dropout_prob,
            position_scores=position_scores,
        )

    relative = config.position_embedding_type != "absolute"
    return layers.TransformerLayer(
        attention(RelativePositions(config) if relative else None),
        layers.FeedForward(
            config.hidden_size, config.intermediate_size, activation=config.hidden_act
        ),
        partial(nn.LayerNorm, config.hidden_size, eps=config.layer_norm_eps),
        norm_first=False,
        cross_attn=attention() if config.add_cross_attention else None,
        dropout=config.hidden_dropout_prob,
    )


class BertPreTrainedModel(modeling.PreTrainedModel):
    """What all BERT models share: names of weights, and which of them a checkpoint may lack."""

    config_class = BertConfig
    config: BertConfig
    base_model_prefix = "bert"
    optional_weights = ("pooler", "stack.layers.*.cross_attn", "stack.layers.*.cross_attn_norm")

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return bert_names(cls.body, is_tied=config.tie_word_embeddings)


class BertModel(BertPreTrainedModel, modeling.TextBody):
    """The body: embeddings, layers, and a pooler unless ``add_pooling_layer`` is false."""

    embed_positions: layers.Embedding
    has_token_types = True
    takes_cache = True

    def __init__(self, config: BertConfig, add_pooling_layer: bool = True) -> None:
        super().__init__(config, decoder=config.is_decoder)
        if config.add_cross_attention and not config.is_decoder:
            raise ConfigurationError("add_cross_attention=True needs is_decoder=True")
        size = config.hidden_size
        self.embed_tokens = layers.Embedding(
            config.vocab_size, size, padding_idx=config.pad_token_id
        )
        self.embed_positions = layers.Embedding(config.max_position_embeddings, size)
        self.embed_token_types = layers.Embedding(config.type_vocab_size, size)
        self.embed_norm = nn.LayerNorm(size, eps=config.layer_norm_eps)
        self.stack = layers.TransformerStack(
            [bert_layer(config) for _ in range(config.num_hidden_layers)]
        )
        if add_pooling_layer:
            self.pooler = modeling.Pooler(size)
        self.post_init()

    @property
    def is_absolute(self) -> bool:
        return self.config.position_embedding_type == "absolute"

    def embed(self, inputs: modeling.TextInputs) -> Tensor:
        """Add token types (0 by default) and absolute positions to the tokens, and normalise."""
        embeds, types = inputs.embedded_by(self.embed_tokens), inputs.token_type_ids
        if types is None:
            types = torch.zeros(1, 1, dtype=torch.long, device=embeds.device)
        if not self.is_absolute:
            inputs.position_ids = None
        positions = inputs.positions(self.config.max_position_embeddings)
        embedded = embeds + self.embed_token_types(types)
        if self.is_absolute:
            embedded = embedded + self.embed_positions(positions)
        return F.dropout(self.embed_norm(embedded), self.config.hidden_dropout_prob, self.training)


class BertHead(BertPreTrainedModel, modeling.TextModelHead):
    """A head on `BertModel`."""

    def __init__(self, config: BertConfig, *, pooled: bool) -> None:
        super().__init__(config)
        self.model = BertModel(config, add_pooling_layer=pooled)


class BertVocabularyHead(BertHead):
    """A head with scores over the vocabulary, whose weights may be the input embeddings."""

    output_embeddings = "lm_head"

    def __init__(self, config: BertConfig, *, pooled: bool) -> None:
        super().__init__(config, pooled=pooled)
        size = config.hidden_size
        self.lm_transform = modeling.HeadTransform(size, config.hidden_act, config.layer_norm_eps)
        self.lm_head = layers.Linear(size, config.vocab_size)


class BertClassifier(BertHead):
    """A head with dropout and a linear layer."""

    def __init__(self, config: BertConfig, num_labels: int, *, pooled: bool) -> None:
        super().__init__(config, pooled=pooled)
        given, usual = config.classifier_dropout, config.hidden_dropout_prob
        self.dropout = nn.Dropout(usual if given is None else given)
        self.classifier = layers.Linear(config.hidden_size, num_labels)
        self.post_init()


class BertForMaskedLM(BertVocabularyHead, modeling.TextModelForMaskedLM):
    """Guess the tokens behind the masks."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config, pooled=False)
        if config.is_decoder:
            logger.warning("BertForMaskedLM sees only earlier tokens, because of is_decoder=True")
        self.post_init()


class BertLMHeadModel(BertVocabularyHead, modeling.TextModelForCausalLM):
    """Predict the next token, as a decoder."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config, pooled=False)
        if not config.is_decoder:
            logger.warning("BertLMHeadModel sees later tokens too, unless is_decoder=True")
        self.post_init()

    def score_states(self, hidden_states: Tensor, cache: layers.Cache | None) -> Tensor:
        return layers.score_tokens(self.lm_head, self.lm_transform(hidden_states), cache)


class BertForNextSentencePrediction(BertHead, modeling.TextModelForNextSentencePrediction):
    """Tell whether the second sentence continues the first (0) or was drawn at random (1)."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config, pooled=True)
        self.next_sentence = layers.Linear(config.hidden_size, 2)
        self.post_init()


class BertForSequenceClassification(BertClassifier, modeling.TextModelForSequenceClassification):
    """Classify texts, or give them numbers."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config, config.num_labels, pooled=True)


class BertForMultipleChoice(BertClassifier, modeling.TextModelForMultipleChoice):
    """Choose one of several texts."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config, 1, pooled=True)


class BertForTokenClassification(BertClassifier, modeling.TextModelForTokenClassification):
    """Classify each token."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config, config.num_labels, pooled=False)


class BertForQuestionAnswering(BertHead, modeling.TextModelForQuestionAnswering):
    """Find where in a text the answer to a question starts and ends."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config, pooled=False)
        self.qa_outputs = layers.Linear(config.hidden_size, config.num_labels)
        self.post_init()


@dataclass
class BertForPreTrainingOutput(modeling.ModelOutput):
    """Scores ``(batch, length, vocabulary)`` and ``(batch, 2)``; the loss is the sum of both."""

    loss: Tensor | None = None
    prediction_logits: Tensor = modeling.FILLED
    seq_relationship_logits: Tensor = modeling.FILLED
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


class BertForPreTraining(BertVocabularyHead):
    """Both of BERT's first tasks: masked tokens and the next sentence."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config, pooled=True)
        self.next_sentence = layers.Linear(config.hidden_size, 2)
        self.post_init()

    @modeling.model_call
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        next_sentence_label: Tensor | None = None,
        **options: Unpack[modeling.DecoderOptions],
    ) -> BertForPreTrainingOutput:
        """Score ``(batch, length)`` tokens; the loss needs both kinds of labels."""
        inputs = modeling.TextInputs(
            input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds
        )
        body = self.run(inputs, **options)
        logits = self.lm_head(self.lm_transform(body.last_hidden_state))
        next_logits = self.next_sentence(body.pooler_output)
        loss = None
        if labels is not None and next_sentence_label is not None:
            loss = modeling.token_loss(logits, labels)
            loss = loss + modeling.token_loss(next_logits, next_sentence_label)
        return BertForPreTrainingOutput.of(
            body, loss=loss, prediction_logits=logits, seq_relationship_logits=next_logits
        )
