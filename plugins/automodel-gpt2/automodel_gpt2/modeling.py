"""GPT-2: pre-norm layers over learned positions, each token seeing those before it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from automodel_core.checkpoint import WeightNames
from automodel_core.errors import ConfigurationError
from automodel_core.layers import (
    Attention,
    Cache,
    Embedding,
    FeedForward,
    Linear,
    TransformerLayer,
    TransformerStack,
    activation as activation_named,
    equal_heads,
)
from automodel_core.modeling import (
    FILLED,
    DecoderForSequenceClassification,
    ForwardOptions,
    GenerativePreTrainedModel,
    ModelOutput,
    PreTrainedModel,
    TextBody,
    TextInputs,
    TextModelForCausalLM,
    TextModelForQuestionAnswering,
    TextModelForTokenClassification,
    TextModelHead,
    init_normal,
    model_call,
    next_token_loss,
    states_to_score,
    token_loss,
)
from automodel_gpt2.configuration import GPT2Config

if TYPE_CHECKING:
    from typing_extensions import Unpack


def gpt2_layer(config: GPT2Config, index: int) -> TransformerLayer:
    """Return the layer of that index, which normalises what enters each part."""
    size = config.n_embd
    scale = (size // config.n_head) ** -0.5 if config.scale_attn_weights else 1.0
    if config.scale_attn_by_inverse_layer_idx:
        scale /= index + 1

    def attention() -> Attention:
        projections = equal_heads(size, config.n_head)
        return Attention(projections, dropout=config.attn_pdrop, scale=scale)

    return TransformerLayer(
        attention(),
        FeedForward(size, config.n_inner or 4 * size, activation=config.activation_function),
        partial(nn.LayerNorm, size, eps=config.layer_norm_epsilon),
        norm_first=True,
        cross_attn=attention() if config.add_cross_attention else None,
        dropout=config.resid_pdrop,
    )


LAYER = "stack.layers.*"
BODY_NAMES = {
    "wte": "embed_tokens",
    "wpe": "embed_positions",
    "ln_f": "stack.norm",
    "h.*.ln_1": f"{LAYER}.self_attn_norm",
    "h.*.attn.c_proj": f"{LAYER}.self_attn.o_proj",
    "h.*.ln_cross_attn": f"{LAYER}.cross_attn_norm",
    "h.*.crossattention.q_attn": f"{LAYER}.cross_attn.q_proj",
    "h.*.crossattention.c_proj": f"{LAYER}.cross_attn.o_proj",
    "h.*.ln_2": f"{LAYER}.mlp_norm",
    "h.*.mlp.c_fc": f"{LAYER}.mlp.up_proj",
    "h.*.mlp.c_proj": f"{LAYER}.mlp.down_proj",
}
FUSED = {
    "h.*.attn.c_attn": tuple(f"{LAYER}.self_attn.{letter}_proj" for letter in "qkv"),
    "h.*.crossattention.c_attn": tuple(f"{LAYER}.cross_attn.{letter}_proj" for letter in "kv"),
}
TRANSPOSED = [
    name for name in (*BODY_NAMES, *FUSED) if name.endswith(("c_attn", "q_attn", "c_proj", "c_fc"))
]
# Causal masks, and the number for what they hide, that older files hold.
BUFFERS = [
    f"h.*.{attention}.{buffer}"
    for attention in ("attn", "crossattention")
    for buffer in ("bias", "masked_bias")
]


class GPT2PreTrainedModel(PreTrainedModel):
    """What all GPT-2 models share: names of weights, and their first values."""

    config_class = GPT2Config
    config: GPT2Config
    base_model_prefix = "transformer"
    optional_weights = (f"{LAYER}.cross_attn", f"{LAYER}.cross_attn_norm")

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        body = WeightNames(BODY_NAMES, fused=FUSED, transposed=TRANSPOSED, ignored=BUFFERS)
        if not cls.body:
            return body
        return body.nested(hub="transformer", module=cls.body)

    @torch.no_grad()
    def init_module(self, module: nn.Module) -> None:
        """Draw weights; those that write into the residual shrink with the number of layers."""
        std = self.config.initializer_range
        init_normal(module, std)
        if isinstance(module, Attention | FeedForward):
            last = module.o_proj if isinstance(module, Attention) else module.down_proj
            last.weight.normal_(0.0, std * (2 * self.config.n_layer) ** -0.5)


class GPT2Model(GPT2PreTrainedModel, TextBody):
    """The body: tokens and positions, then layers."""

    has_token_types = True

    def __init__(self, config: GPT2Config) -> None:
        super().__init__(config, decoder=True)
        self.embed_tokens = Embedding(config.vocab_size, config.n_embd)
        self.embed_positions = Embedding(config.n_positions, config.n_embd)
        self.stack = TransformerStack(
            [gpt2_layer(config, index) for index in range(config.n_layer)],
            nn.LayerNorm(config.n_embd, eps=config.layer_norm_epsilon),
        )
        self.dropout = nn.Dropout(config.embd_pdrop)
        self.post_init()

    def embed(self, inputs: TextInputs) -> Tensor:
        """Add positions and, if given, token types, which are tokens themselves."""
        embedded = super().embed(inputs)
        if inputs.token_type_ids is not None:
            embedded = embedded + self.embed_tokens(inputs.token_type_ids)
        dropped: Tensor = self.dropout(embedded)
        return dropped


class GPT2Head(GPT2PreTrainedModel, TextModelHead):
    """A head on `GPT2Model`."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__(config)
        self.model = GPT2Model(config)


class GPT2LMHeadModel(GPT2Head, TextModelForCausalLM):
    """Predict the next token; the output layer is the embeddings, unless they are untied."""

    caches_with_labels = True

    def __init__(self, config: GPT2Config) -> None:
        super().__init__(config)
        self.lm_head = Linear(config.n_embd, config.vocab_size, bias=False)
        self.post_init()


class GPT2ForSequenceClassification(GPT2Head, DecoderForSequenceClassification):
    """Classify texts, or give them numbers, by their last token."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__(config)
        self.classifier = Linear(config.n_embd, config.num_labels, bias=False)
        self.post_init()

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return super().weight_names(config) | WeightNames({"score": "classifier"})


class GPT2ForTokenClassification(GPT2Head, TextModelForTokenClassification):
    """Classify each token."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__(config)
        given = (config.classifier_dropout, config.hidden_dropout, 0.1)
        self.dropout = nn.Dropout(next(value for value in given if value is not None))
        self.classifier = Linear(config.n_embd, config.num_labels)
        self.post_init()


class GPT2ForQuestionAnswering(GPT2Head, TextModelForQuestionAnswering):
    """Find where in a text the answer to a question starts and ends."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__(config)
        self.qa_outputs = Linear(config.n_embd, 2)
        self.post_init()


class SequenceSummary(nn.Module):
    """One state for a sequence, scored: the last, the first, the mean, or that of a named token."""

    def __init__(self, config: GPT2Config, num_labels: int) -> None:
        super().__init__()
        if config.summary_type == "attn":
            raise ConfigurationError("summary_type='attn' was never defined: use another one")
        self.kind = config.summary_type
        size = num_labels if config.summary_proj_to_labels else config.n_embd
        self.summary = Linear(config.n_embd, size) if config.summary_use_proj else nn.Identity()
        self.activation = activation_named(config.summary_activation or "linear")
        self.first_dropout = nn.Dropout(config.summary_first_dropout)
        self.last_dropout = nn.Dropout(config.summary_last_dropout)

    def forward(self, states: Tensor, token_indices: Tensor | None) -> Tensor:
        """Return ``(..., labels)`` for ``(..., length, size)``; indices are ``(...)``."""
        if self.kind == "mean":
            chosen = states.mean(dim=-2)
        elif self.kind == "first":
            chosen = states[..., 0, :]
        elif self.kind == "last" or token_indices is None:
            chosen = states[..., -1, :]
        else:
            chosen = states.take_along_dim(token_indices[..., None, None], dim=-2).squeeze(-2)
        scores: Tensor = self.activation(self.summary(self.first_dropout(chosen)))
        dropped: Tensor = self.last_dropout(scores)
        return dropped


@dataclass
class GPT2DoubleHeadsModelOutput(ModelOutput):
    """Scores ``(..., length, vocabulary)`` and of each choice, and a loss for either."""

    loss: Tensor | None = None
    mc_loss: Tensor | None = None
    logits: Tensor = FILLED
    mc_logits: Tensor = FILLED
    past_key_values: Cache | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


class GPT2DoubleHeadsModel(GPT2Head, GenerativePreTrainedModel):
    """Predict the next token, and choose one of several texts."""

    output_embeddings = "lm_head"

    def __init__(self, config: GPT2Config) -> None:
        super().__init__(config)
        self.lm_head = Linear(config.n_embd, config.vocab_size, bias=False)
        self.multiple_choice_head = SequenceSummary(config, num_labels=1)
        self.post_init()

    @model_call
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
        past_key_values: Cache | None = None,
        logits_to_keep: int | Tensor = 0,
        use_cache: bool | None = None,
        **options: Unpack[ForwardOptions],
    ) -> GPT2DoubleHeadsModelOutput:
        """Score ``(..., length)`` tokens: texts, or ``(batch, choices)`` of them.

        ``mc_token_ids`` ``(...)`` say which token stands for a text, by default its last.
        """
        inputs = TextInputs(input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds)
        inputs.past_key_values, inputs.use_cache = past_key_values, use_cache
        texts = inputs.shape[:-1]
        body = self.run(inputs.as_rows(), **options)
        states = body.last_hidden_state
        written = states_to_score(states, logits_to_keep)
        logits = self.score_states(written, past_key_values).unflatten(0, texts)
        mc_logits = self.multiple_choice_head(states.unflatten(0, texts), mc_token_ids).squeeze(-1)
        lm_loss = None
        if labels is not None:
            lm_loss = next_token_loss(logits.flatten(0, -3), labels.flatten(0, -2))
        return GPT2DoubleHeadsModelOutput.of(
            body,
            loss=lm_loss,
            mc_loss=None if mc_labels is None else token_loss(mc_logits, mc_labels),
            logits=logits,
            mc_logits=mc_logits,
        )
