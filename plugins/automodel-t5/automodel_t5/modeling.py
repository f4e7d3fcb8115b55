"""T5: pre-norm layers without biases, positions added to the scores."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn

from automodel_core import layers, modeling
from automodel_core.checkpoint import WeightNames
from automodel_t5.configuration import T5Config
from automodel_t5.weights import t5_names

if TYPE_CHECKING:
    from typing_extensions import Unpack


def t5_layer(config: T5Config, *, decoder: bool) -> layers.TransformerLayer:
    """Return one layer without biases, which normalises what enters each part."""

    def attention(position_scores: nn.Module | None = None) -> layers.Attention:
        return layers.Attention(
            layers.equal_heads(config.d_model, config.num_heads, head_dim=config.d_kv, bias=False),
            dropout=config.dropout_rate,
            scale=1.0,
            position_scores=position_scores,
        )

    feed_forward = layers.GatedFeedForward if config.is_gated_act else layers.FeedForward
    return layers.TransformerLayer(
        attention(position_bias(config, decoder=decoder) if config.biases_each_layer else None),
        feed_forward(
            config.d_model,
            config.d_ff,
            activation=config.dense_act_fn or "relu",
            bias=False,
            dropout=config.dropout_rate,
        ),
        partial(layers.RMSNorm, config.d_model, config.layer_norm_epsilon),
        norm_first=True,
        cross_attn=attention() if decoder else None,
        dropout=config.dropout_rate,
    )


def position_bias(config: T5Config, *, decoder: bool) -> layers.RelativePositionBias:
    """Return learned scores of distances; an encoder tells before from after."""
    return layers.RelativePositionBias(
        config.num_heads,
        config.relative_attention_num_buckets,
        config.relative_attention_max_distance,
        bidirectional=not decoder,
    )


class T5Stack(modeling.TextStack):
    """The encoder, or the decoder."""

    def __init__(self, config: T5Config, embed_tokens: nn.Embedding, *, decoder: bool) -> None:
        super().__init__(config, decoder=decoder)
        depth = (config.num_decoder_layers if decoder else None) or config.num_layers
        self.embed_tokens = embed_tokens
        self.stack = layers.TransformerStack(
            layers.repeated(partial(t5_layer, config, decoder=decoder), depth),
            layers.RMSNorm(config.d_model, config.layer_norm_epsilon),
            config.dropout_rate,
        )
        self.position_bias = (
            None if config.biases_each_layer else position_bias(config, decoder=decoder)
        )
        self.dropout = nn.Dropout(config.dropout_rate)

    def embed(self, inputs: modeling.TextInputs) -> Tensor:
        dropped: Tensor = self.dropout(inputs.embedded_by(self.embed_tokens))
        return dropped

    def mask(self, inputs: modeling.TextInputs, states: Tensor) -> layers.Mask | list[layers.Mask]:
        """Return position biases and what padding and causality hide, as one mask."""
        if self.position_bias is None:
            return super().mask(inputs, states)
        span, dtype, device = inputs.span, states.dtype, states.device
        if self.is_decoder:
            mask = layers.causal_mask(inputs.attention_mask, span.length, span.keys, dtype, device)
        else:
            mask = layers.padding_mask(inputs.attention_mask, dtype)
        bias = self.position_bias.at(span, inputs.past_key_values)
        return bias if mask is None else bias + mask


class T5PreTrainedModel(modeling.PreTrainedModel):
    """What all T5 models share: names of weights, first values, precision."""

    config_class = T5Config
    config: T5Config
    base_model_prefix: ClassVar[str] = "transformer"
    ties_follow_checkpoint: ClassVar[bool] = True
    keep_in_fp32: ClassVar[tuple[str, ...]] = ("down_proj",)
    hub_body: ClassVar[str] = ""
    """What the hub puts before the names of the body: most T5 heads put nothing."""
    has_decoder: ClassVar[bool] = True

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        gated, biases = bool(config.is_gated_act), config.biases_each_layer
        return t5_names(gated, biases, cls.has_decoder, cls.hub_body, cls.body)

    @torch.no_grad()
    def init_module(self, module: nn.Module) -> None:
        """Draw weights so that activations keep their size, as T5's first implementation does."""
        config, factor = self.config, self.config.initializer_factor
        from_model = factor * config.d_model**-0.5
        if isinstance(module, layers.RMSNorm):
            module.weight.fill_(factor)
        elif isinstance(module, layers.Attention):
            module.q_proj.weight.normal_(0.0, factor * (config.d_model * config.d_kv) ** -0.5)
            module.k_proj.weight.normal_(0.0, from_model)
            module.v_proj.weight.normal_(0.0, from_model)
            module.o_proj.weight.normal_(0.0, factor * (config.num_heads * config.d_kv) ** -0.5)
        elif isinstance(module, layers.FeedForward | layers.GatedFeedForward):
            module.down_proj.weight.normal_(0.0, factor * config.d_ff**-0.5)
        elif isinstance(module, layers.RelativePositionBias):
            module.bias.weight.normal_(0.0, from_model)
        elif isinstance(module, nn.Embedding):
            module.weight.normal_(0.0, factor)
        elif isinstance(module, nn.Linear):
            module.weight.normal_(0.0, from_model)
            if module.bias is not None:
                module.bias.zero_()
        elif isinstance(module, T5ForTokenClassification):
            module.classifier.weight.normal_(0.0, factor)
        elif isinstance(module, T5ForConditionalGeneration) and not module.is_tied():
            module.lm_head.weight.normal_(0.0, factor)


class T5Model(T5PreTrainedModel, modeling.EncoderDecoderBody):
    """The encoder-decoder without a head."""

    def __init__(self, config: T5Config) -> None:
        super().__init__(config)
        self.embed_tokens = layers.embedding(config.vocab_size, config.d_model)
        self.encoder = T5Stack(config, self.embed_tokens, decoder=False)
        self.decoder = T5Stack(config, self.embed_tokens, decoder=True)
        self.post_init()


class T5EncoderModel(T5PreTrainedModel):
    """The encoder alone, as sentence and text-to-image models use it."""

    has_decoder = False

    def __init__(self, config: T5Config) -> None:
        super().__init__(config)
        self.embed_tokens = layers.embedding(config.vocab_size, config.d_model)
        self.encoder = T5Stack(config, self.embed_tokens, decoder=False)
        self.post_init()

    def get_encoder(self) -> nn.Module:
        return self.encoder

    @modeling.model_call
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> modeling.BaseModelOutput:
        """Encode ``(batch, length)``; ``options`` say what else to return."""
        output: modeling.BaseModelOutput = self.encoder(
            input_ids=input_ids,
            attention_mask=attention_mask,
            inputs_embeds=inputs_embeds,
            **options,
        )
        return output


class T5ForConditionalGeneration(
    T5PreTrainedModel, modeling.EncoderDecoderForConditionalGeneration
):
    """T5 with an output layer, for text in and text out."""

    model: T5Model

    def __init__(self, config: T5Config) -> None:
        super().__init__(config)
        self.model = T5Model(config)
        self.lm_head = layers.linear(config.d_model, config.vocab_size, bias=False)
        self.post_init()

    def is_tied(self) -> bool:
        return self.lm_head.weight is self.model.embed_tokens.weight

    def score_states(self, hidden_states: Tensor, cache: layers.Cache | None) -> Tensor:
        if self.config.scale_decoder_outputs:
            hidden_states = hidden_states * self.config.d_model**-0.5
        return layers.score_tokens(self.lm_head, hidden_states, cache)


class T5ForSequenceClassification(
    T5PreTrainedModel, modeling.EncoderDecoderForSequenceClassification
):
    """T5 that classifies whole texts."""

    hub_body = "transformer"

    def __init__(self, config: T5Config) -> None:
        super().__init__(config)
        self.model = T5Model(config)
        self.classifier = modeling.ClassificationHead(
            config.d_model, config.num_labels, config.classifier_dropout
        )
        self.post_init()

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return super().weight_names(config) | WeightNames({"classification_head": "classifier"})


class T5ForQuestionAnswering(T5PreTrainedModel, modeling.EncoderDecoderForQuestionAnswering):
    """T5 that finds the answer to a question in a text."""

    def __init__(self, config: T5Config) -> None:
        super().__init__(config)
        self.model = T5Model(config)
        self.qa_outputs = layers.linear(config.d_model, config.num_labels)
        self.post_init()


class T5ForTokenClassification(T5PreTrainedModel, modeling.TextModelForTokenClassification):
    """T5's encoder with a label for each token."""

    hub_body = "transformer"
    has_decoder = False

    def __init__(self, config: T5Config) -> None:
        super().__init__(config)
        self.model = T5EncoderModel(config)
        self.dropout = nn.Dropout(config.classifier_dropout)
        self.classifier = layers.linear(config.d_model, config.num_labels)
        self.post_init()
