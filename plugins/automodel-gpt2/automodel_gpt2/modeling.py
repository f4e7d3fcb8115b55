"""GPT-2: pre-norm layers over learned positions, each token seeing those before it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from automodel_core import layers, modeling
from automodel_core.checkpoint import WeightNames
from automodel_core.layers import layer_norm
from automodel_gpt2.configuration import GPT2Config
from automodel_gpt2.weights import gpt2_names

if TYPE_CHECKING:
    from typing_extensions import Unpack


def gpt2_layer(config: GPT2Config, index: int) -> layers.TransformerLayer:
    """Return the layer of that index, which normalises what enters each part."""
    size = config.n_embd
    scale = (size // config.n_head) ** -0.5 if config.scale_attn_weights else 1.0
    if config.scale_attn_by_inverse_layer_idx:
        scale /= index + 1

    def attention() -> layers.Attention:
        projections = layers.equal_heads(size, config.n_head)
        return layers.Attention(projections, dropout=config.attn_pdrop, scale=scale)

    return layers.TransformerLayer(
        attention(),
        layers.FeedForward(size, config.n_inner or 4 * size, activation=config.activation_function),
        partial(layer_norm, size, eps=config.layer_norm_epsilon),
        norm_first=True,
        cross_attn=attention() if config.add_cross_attention else None,
        dropout=config.resid_pdrop,
    )


class GPT2PreTrainedModel(modeling.PreTrainedModel):
    """What all GPT-2 models share: names of weights, and their first values."""

    config_class = GPT2Config
    config: GPT2Config
    base_model_prefix = "transformer"
    optional_weights = ("stack.layers.*.cross_attn", "stack.layers.*.cross_attn_norm")

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return gpt2_names(cls.body)

    @torch.no_grad()
    def init_module(self, module: nn.Module) -> None:
        """Draw weights; those that write into the residual shrink with the number of layers."""
        std = self.config.initializer_range
        modeling.init_normal(module, std)
        if isinstance(module, layers.Attention | layers.FeedForward):
            last = module.o_proj if isinstance(module, layers.Attention) else module.down_proj
            last.weight.normal_(0.0, std * (2 * self.config.n_layer) ** -0.5)


class GPT2Model(GPT2PreTrainedModel, modeling.TextBody):
    """The body: tokens and positions, then layers."""

    has_token_types = True
    reads_packed = True

    def __init__(self, config: GPT2Config) -> None:
        super().__init__(config, decoder=True)
        self.embed_tokens = layers.embedding(config.vocab_size, config.n_embd)
        self.embed_positions = layers.embedding(config.n_positions, config.n_embd)
        self.stack = layers.TransformerStack(
            [gpt2_layer(config, index) for index in range(config.n_layer)],
            layer_norm(config.n_embd, eps=config.layer_norm_epsilon),
        )
        self.dropout = nn.Dropout(config.embd_pdrop)
        self.post_init()

    def embed(self, inputs: modeling.TextInputs) -> Tensor:
        """Add positions and, if given, token types, which are tokens themselves."""
        embedded = super().embed(inputs)
        if inputs.token_type_ids is not None:
            embedded = embedded + layers.look_up(self.embed_tokens, inputs.token_type_ids)
        dropped: Tensor = self.dropout(embedded)
        return dropped


class GPT2Head(GPT2PreTrainedModel, modeling.TextModelHead):
    """A head on `GPT2Model`."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__(config)
        self.model = GPT2Model(config)


class GPT2LMHeadModel(GPT2Head, modeling.TextModelForCausalLM):
    """Predict the next token; the output layer is the embeddings, unless they are untied."""

    caches_with_labels = True
    loss_type = None  # trainers count every label of this class, as in the reference

    def __init__(self, config: GPT2Config) -> None:
        super().__init__(config)
        self.lm_head = layers.linear(config.n_embd, config.vocab_size, bias=False)
        self.post_init()


class GPT2ForSequenceClassification(GPT2Head, modeling.DecoderForSequenceClassification):
    """Classify texts, or give them numbers, by their last token."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__(config)
        self.classifier = layers.linear(config.n_embd, config.num_labels, bias=False)
        self.post_init()

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return super().weight_names(config) | WeightNames({"score": "classifier"})


class GPT2ForTokenClassification(GPT2Head, modeling.TextModelForTokenClassification):
    """Classify each token."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__(config)
        given = (config.classifier_dropout, config.hidden_dropout, 0.1)
        self.dropout = nn.Dropout(next(value for value in given if value is not None))
        self.classifier = layers.linear(config.n_embd, config.num_labels)
        self.post_init()


class GPT2ForQuestionAnswering(GPT2Head, modeling.TextModelForQuestionAnswering):
    """Find where in a text the answer to a question starts and ends."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__(config)
        self.qa_outputs = layers.linear(config.n_embd, 2)
        self.post_init()


@dataclass
class GPT2DoubleHeadsModelOutput(modeling.ModelOutput):
    """Scores ``(..., length, vocabulary)`` and of each choice, and a loss for either."""

    loss: Tensor | None = None
    mc_loss: Tensor | None = None
    logits: Tensor = modeling.FILLED
    mc_logits: Tensor = modeling.FILLED
    past_key_values: layers.Cache | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


class GPT2DoubleHeadsModel(GPT2Head, modeling.GenerativePreTrainedModel):
    """Predict the next token, and choose one of several texts."""

    output_embeddings = "lm_head"

    def __init__(self, config: GPT2Config) -> None:
        super().__init__(config)
        self.lm_head = layers.linear(config.n_embd, config.vocab_size, bias=False)
        size = 1 if config.summary_proj_to_labels else config.n_embd
        self.multiple_choice_head = modeling.SequenceSummary(
            config.summary_type,
            layers.linear(config.n_embd, size) if config.summary_use_proj else nn.Identity(),
            config.summary_activation,
            first_dropout=config.summary_first_dropout,
            last_dropout=config.summary_last_dropout,
        )
        self.post_init()

    @modeling.model_call
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        mc_token_ids: Tensor | None = None,
        labels: Tensor | None = None,
        mc_labels: Tensor | None = None,
        past_key_values: layers.Cache | None = None,
        logits_to_keep: int | Tensor = 0,
        use_cache: bool | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> GPT2DoubleHeadsModelOutput:
        """Score ``(..., length)`` tokens: texts, or ``(batch, choices)`` of them.

        ``mc_token_ids`` ``(...)`` say which token stands for a text, by default its last.
        """
        inputs = modeling.TextInputs(
            input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds
        )
        inputs.past_key_values, inputs.use_cache = past_key_values, use_cache
        texts = inputs.shape[:-1]
        body = self.run(inputs.as_rows(), **options)
        states = body.last_hidden_state
        written = modeling.states_to_score(states, logits_to_keep)
        logits = self.score_states(written, past_key_values).unflatten(0, texts)
        mc_logits = self.multiple_choice_head(states.unflatten(0, texts), mc_token_ids).squeeze(-1)
        lm_loss = None
        if labels is not None:
            lm_loss = modeling.next_token_loss(logits.flatten(0, -3), labels.flatten(0, -2))
        if body.hidden_states is not None:  # whose last ones transformers gives the texts' shape
            *earlier, last = body.hidden_states
            body.hidden_states = (*earlier, last.unflatten(0, texts))
        return GPT2DoubleHeadsModelOutput.of(
            body,
            loss=lm_loss,
            mc_loss=None if mc_labels is None else modeling.token_loss(mc_logits, mc_labels),
            logits=logits,
            mc_logits=mc_logits,
        )
