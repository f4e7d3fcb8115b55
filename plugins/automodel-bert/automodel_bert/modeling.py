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
from automodel_core.checkpoint import WeightNames
from automodel_core.errors import ConfigurationError
from automodel_core.layers import (
    Attention,
    Cache,
    Embedding,
    FeedForward,
    Linear,
    Mask,
    TransformerLayer,
    TransformerStack,
    causal_mask,
    equal_heads,
    score_tokens,
)
from automodel_core.modeling import (
    FILLED,
    BaseModelOutput,
    DecoderOptions,
    HeadTransform,
    MaskedLMOutput,
    ModelOutput,
    NextSentencePredictorOutput,
    Pooler,
    PreTrainedModel,
    TextBody,
    TextInputs,
    TextModelForCausalLM,
    TextModelForLabels,
    TextModelForMultipleChoice,
    TextModelForQuestionAnswering,
    TextModelForSequenceClassification,
    TextModelForTokenClassification,
    TextModelHead,
    model_call,
    token_loss,
)

if TYPE_CHECKING:
    from typing_extensions import Unpack

logger = logging.getLogger(__name__)


def bert_layer(config: BertConfig) -> TransformerLayer:
    """Return one layer, which normalises what leaves each part."""

    def attention(position_scores: nn.Module | None = None) -> Attention:
        return Attention(
            equal_heads(config.hidden_size, config.num_attention_heads),
            dropout=config.attention_probs_dropout_prob,
            position_scores=position_scores,
        )

    relative = config.position_embedding_type != "absolute"
    return TransformerLayer(
        attention(RelativePositions(config) if relative else None),
        FeedForward(config.hidden_size, config.intermediate_size, activation=config.hidden_act),
        partial(nn.LayerNorm, config.hidden_size, eps=config.layer_norm_eps),
        norm_first=False,
        cross_attn=attention() if config.add_cross_attention else None,
        dropout=config.hidden_dropout_prob,
    )


class RelativePositions(nn.Module):
    """Scores of an embedded distance with the query (https://arxiv.org/abs/1803.02155).

    With ``relative_key_query`` the key scores it too (https://arxiv.org/abs/2009.13658, method 4).
    """

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        head_dim = config.hidden_size // config.num_attention_heads
        self.embed_distances = Embedding(2 * config.max_position_embeddings - 1, head_dim)
        self.scale = head_dim**-0.5
        self.with_key = config.position_embedding_type == "relative_key_query"

    def forward(self, query: Tensor, key: Tensor, positions: Tensor | None = None) -> Tensor:
        """Return ``(batch, heads, queries, keys)``.

        Unless their ``positions`` are given, the queries are the last of the keys' positions.
        """
        places = torch.arange(key.shape[2], device=key.device)
        positions = places[-query.shape[2] :] if positions is None else positions
        # There may be room for more keys than positions, of which nothing is seen.
        zero = self.embed_distances.num_embeddings // 2
        distances = (positions[:, None] - places).clamp(min=-zero)
        embedded = self.embed_distances(distances + zero)
        scores: Tensor = torch.einsum("bhqd,qkd->bhqk", query, embedded)
        if self.with_key:
            scores = scores + torch.einsum("bhkd,qkd->bhqk", key, embedded)
        return scores.mul(self.scale)


ATTENTIONS = {"attention": "self_attn", "crossattention": "cross_attn"}
BODY_NAMES = {
    "embeddings.word_embeddings": "embed_tokens",
    "embeddings.position_embeddings": "embed_positions",
    "embeddings.token_type_embeddings": "embed_token_types",
    "embeddings.LayerNorm": "embed_norm",
    **{
        f"encoder.layer.*.{hub}.{part}": f"stack.layers.*.{attention}{module}"
        for hub, attention in ATTENTIONS.items()
        for part, module in {
            "self.query": ".q_proj",
            "self.key": ".k_proj",
            "self.value": ".v_proj",
            "self.distance_embedding": ".position_scores.embed_distances",
            "output.dense": ".o_proj",
            "output.LayerNorm": "_norm",
        }.items()
    },
    "encoder.layer.*.intermediate.dense": "stack.layers.*.mlp.up_proj",
    "encoder.layer.*.output.dense": "stack.layers.*.mlp.down_proj",
    "encoder.layer.*.output.LayerNorm": "stack.layers.*.mlp_norm",
}
HEAD_NAMES = {
    "cls.predictions.transform.dense": "lm_transform.dense",
    "cls.predictions.transform.LayerNorm": "lm_transform.norm",
    "cls.predictions.decoder.weight": "lm_head.weight",
    "cls.seq_relationship": "next_sentence",
}


class BertPreTrainedModel(PreTrainedModel):
    """What all BERT models share: names of weights, and which of them a checkpoint may lack."""

    config_class = BertConfig
    config: BertConfig
    base_model_prefix = "bert"
    optional_weights = ("pooler", "stack.layers.*.cross_attn", "stack.layers.*.cross_attn_norm")

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        old = {"gamma": "weight", "beta": "bias"}
        ignored = ("embeddings.position_ids",)
        body = WeightNames(BODY_NAMES, segment_aliases=old, ignored=ignored)
        if not cls.body:
            return body
        # The output layer's bias has two names. That of an output layer of its own was trained
        # under the second, where readers of today look, those of yesterday under the first.
        first, second = "cls.predictions.bias", "cls.predictions.decoder.bias"
        if config.tie_word_embeddings:
            bias = WeightNames({first: "lm_head.bias"}, aliases={second: first})
        else:
            bias = WeightNames({second: "lm_head.bias"}, copies={first: second})
        return body.nested(hub="bert", module=cls.body) | WeightNames(HEAD_NAMES) | bias


class BertModel(BertPreTrainedModel, TextBody):
    """The body: embeddings, layers, and a pooler unless ``add_pooling_layer`` is false."""

    embed_positions: Embedding
    has_token_types = True
    takes_cache = True

    def __init__(self, config: BertConfig, add_pooling_layer: bool = True) -> None:
        super().__init__(config, decoder=config.is_decoder)
        if config.add_cross_attention and not config.is_decoder:
            raise ConfigurationError("add_cross_attention=True needs is_decoder=True")
        size = config.hidden_size
        self.embed_tokens = Embedding(config.vocab_size, size, padding_idx=config.pad_token_id)
        self.embed_positions = Embedding(config.max_position_embeddings, size)
        self.embed_token_types = Embedding(config.type_vocab_size, size)
        self.embed_norm = nn.LayerNorm(size, eps=config.layer_norm_eps)
        self.stack = TransformerStack([bert_layer(config) for _ in range(config.num_hidden_layers)])
        if add_pooling_layer:
            self.pooler = Pooler(size)
        self.post_init()

    @property
    def is_absolute(self) -> bool:
        return self.config.position_embedding_type == "absolute"

    def embed(self, inputs: TextInputs) -> Tensor:
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

    def mask(self, inputs: TextInputs, states: Tensor) -> Mask:
        """Return a tensor for a decoder with relative positions, whose scores are added to it."""
        if self.is_absolute or not self.is_decoder:
            return super().mask(inputs, states)
        span, dtype, device = inputs.span, states.dtype, states.device
        return causal_mask(inputs.attention_mask, span.length, span.keys, dtype, device)


class BertHead(BertPreTrainedModel, TextModelHead):
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
        self.lm_transform = HeadTransform(size, config.hidden_act, config.layer_norm_eps)
        self.lm_head = Linear(size, config.vocab_size)


class BertClassifier(BertHead):
    """A head with dropout and a linear layer."""

    def __init__(self, config: BertConfig, num_labels: int, *, pooled: bool) -> None:
        super().__init__(config, pooled=pooled)
        given, usual = config.classifier_dropout, config.hidden_dropout_prob
        self.dropout = nn.Dropout(usual if given is None else given)
        self.classifier = Linear(config.hidden_size, num_labels)
        self.post_init()


class BertForMaskedLM(BertVocabularyHead, TextModelForLabels[MaskedLMOutput]):
    """Guess the tokens behind the masks."""

    output = MaskedLMOutput

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config, pooled=False)
        if config.is_decoder:
            logger.warning("BertForMaskedLM sees only earlier tokens, because of is_decoder=True")
        self.post_init()

    def classify(self, body: BaseModelOutput, inputs: TextInputs) -> Tensor:
        scores: Tensor = self.lm_head(self.lm_transform(body.last_hidden_state))
        return scores


class BertLMHeadModel(BertVocabularyHead, TextModelForCausalLM):
    """Predict the next token, as a decoder."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config, pooled=False)
        if not config.is_decoder:
            logger.warning("BertLMHeadModel sees later tokens too, unless is_decoder=True")
        self.post_init()

    def score_states(self, hidden_states: Tensor, cache: Cache | None) -> Tensor:
        return score_tokens(self.lm_head, self.lm_transform(hidden_states), cache)


class BertForNextSentencePrediction(BertHead, TextModelForLabels[NextSentencePredictorOutput]):
    """Tell whether the second sentence continues the first (0) or was drawn at random (1)."""

    output = NextSentencePredictorOutput

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config, pooled=True)
        self.next_sentence = Linear(config.hidden_size, 2)
        self.post_init()

    def classify(self, body: BaseModelOutput, inputs: TextInputs) -> Tensor:
        scores: Tensor = self.next_sentence(body.pooler_output)
        return scores


class BertForSequenceClassification(BertClassifier, TextModelForSequenceClassification):
    """Classify texts, or give them numbers."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config, config.num_labels, pooled=True)


class BertForMultipleChoice(BertClassifier, TextModelForMultipleChoice):
    """Choose one of several texts."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config, 1, pooled=True)


class BertForTokenClassification(BertClassifier, TextModelForTokenClassification):
    """Classify each token."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config, config.num_labels, pooled=False)


class BertForQuestionAnswering(BertHead, TextModelForQuestionAnswering):
    """Find where in a text the answer to a question starts and ends."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config, pooled=False)
        self.qa_outputs = Linear(config.hidden_size, config.num_labels)
        self.post_init()


@dataclass
class BertForPreTrainingOutput(ModelOutput):
    """Scores ``(batch, length, vocabulary)`` and ``(batch, 2)``; the loss is the sum of both."""

    loss: Tensor | None = None
    prediction_logits: Tensor = FILLED
    seq_relationship_logits: Tensor = FILLED
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


class BertForPreTraining(BertVocabularyHead):
    """Both of BERT's first tasks: masked tokens and the next sentence."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config, pooled=True)
        self.next_sentence = Linear(config.hidden_size, 2)
        self.post_init()

    @model_call
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        next_sentence_label: Tensor | None = None,
        **options: Unpack[DecoderOptions],
    ) -> BertForPreTrainingOutput:
        """Score ``(batch, length)`` tokens; the loss needs both kinds of labels."""
        inputs = TextInputs(input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds)
        body = self.run(inputs, **options)
        logits = self.lm_head(self.lm_transform(body.last_hidden_state))
        next_logits = self.next_sentence(body.pooler_output)
        loss = None
        if labels is not None and next_sentence_label is not None:
            loss = token_loss(logits, labels) + token_loss(next_logits, next_sentence_label)
        return BertForPreTrainingOutput.of(
            body, loss=loss, prediction_logits=logits, seq_relationship_logits=next_logits
        )
