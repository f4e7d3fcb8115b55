"""Heads on one stack that reads text: the wiring that all of them share, around any body.

A subclass gives the ``model`` and the layers that score. The body takes the arguments passed on
here and returns a `BaseModelOutput`.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from automodel_core.errors import InputError
from automodel_core.layers.caches.base import Cache
from automodel_core.layers.kernels.linear import Linear
from automodel_core.modeling.calls import model_call
from automodel_core.modeling.heads.parts import states_to_score
from automodel_core.modeling.losses import (
    classification_loss,
    next_token_loss,
    span_loss,
    token_loss,
)
from automodel_core.modeling.outputs import (
    BaseModelOutput,
    CausalLMOutput,
    MultipleChoiceModelOutput,
    QuestionAnsweringModelOutput,
    SequenceClassifierOutput,
    SequenceClassifierOutputWithPast,
    TokenClassifierOutput,
)
from automodel_core.modeling.pretrained.base import PreTrainedModel
from automodel_core.modeling.pretrained.generative import GenerativePreTrainedModel

__all__ = [
    "DecoderForSequenceClassification",
    "TextModelForCausalLM",
    "TextModelForLabels",
    "TextModelForMultipleChoice",
    "TextModelForQuestionAnswering",
    "TextModelForSequenceClassification",
    "TextModelForTokenClassification",
    "TextModelHead",
]


logger = logging.getLogger(__name__)


class TextModelHead(PreTrainedModel):
    """What heads on a ``model`` share."""

    model: nn.Module
    body = "model"
    input_embeddings = "model.embed_tokens"


class TextModelForCausalLM(TextModelHead, GenerativePreTrainedModel):
    """Next-token scores of a decoder, which may attend to an encoder's states."""

    output_embeddings = "lm_head"
    caches_with_labels: ClassVar[bool] = False
    """Whether a forward with labels returns a cache too."""

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
        labels: Tensor | None = None,
        past_key_values: Cache | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int | Tensor = 0,
        num_items_in_batch: int | None = None,
        **options: Any,
    ) -> CausalLMOutput:
        """Score ``(batch, length)`` tokens; ``labels`` are the same tokens, not shifted."""
        if labels is not None and not self.caches_with_labels:
            use_cache = False
        body: BaseModelOutput = self.model(
            input_ids,
            attention_mask=attention_mask,
            token_type_ids=token_type_ids,
            position_ids=position_ids,
            inputs_embeds=inputs_embeds,
            encoder_hidden_states=encoder_hidden_states,
            encoder_attention_mask=encoder_attention_mask,
            past_key_values=past_key_values,
            use_cache=use_cache,
            **options,
        )
        states = states_to_score(body["last_hidden_state"], logits_to_keep)
        logits = self.score(states, past_key_values)
        loss = None if labels is None else next_token_loss(logits, labels, num_items_in_batch)
        return CausalLMOutput(
            loss,
            logits,
            body.past_key_values,
            body.hidden_states,
            body.attentions,
            body.cross_attentions,
        )


class TextModelForLabels(TextModelHead):
    """Scores for labels: `score` and `loss` are what makes one head differ from another."""

    output: ClassVar[type[SequenceClassifierOutput]]

    @abstractmethod
    def score(self, body: BaseModelOutput) -> Tensor:
        """Return the scores for what the body has computed."""

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of the scores: one class is right for each."""
        return token_loss(logits, labels)

    @model_call
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        **options: Any,
    ) -> SequenceClassifierOutput:
        """Score ``(batch, length)`` tokens; ``options`` are other arguments of the body."""
        body: BaseModelOutput = self.model(
            input_ids,
            attention_mask=attention_mask,
            token_type_ids=token_type_ids,
            position_ids=position_ids,
            inputs_embeds=inputs_embeds,
            **options,
        )
        logits = self.score(body)
        loss = None if labels is None else self.loss(logits, labels)
        return self.output(loss, logits, body.hidden_states, body.attentions)


class TextModelForSequenceClassification(TextModelForLabels):
    """A ``classifier`` of the pooled state: classes, or numbers."""

    output = SequenceClassifierOutput
    dropout: nn.Dropout
    classifier: Linear

    def score(self, body: BaseModelOutput) -> Tensor:
        scores: Tensor = self.classifier(self.dropout(body.pooler_output))
        return scores

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        config = self.config
        return classification_loss(logits, labels, config.num_labels, config.problem_type)


class DecoderForSequenceClassification(TextModelHead):
    """A layer ``score`` of the last token that is not padding, which has seen all others."""

    score: Linear

    @model_call
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        **options: Any,
    ) -> SequenceClassifierOutputWithPast:
        """Score ``(batch, length)`` tokens; embeddings do not show what is padding.

        Raises `InputError` for several rows where the configuration has no ``pad_token_id``.
        """
        body: BaseModelOutput = self.model(
            input_ids,
            attention_mask=attention_mask,
            token_type_ids=token_type_ids,
            position_ids=position_ids,
            inputs_embeds=inputs_embeds,
            **options,
        )
        states = body["last_hidden_state"]
        last = self._last_tokens(input_ids, len(states))
        logits = self.score(states[torch.arange(len(states), device=states.device), last])
        loss = None
        if labels is not None:
            config = self.config
            loss = classification_loss(logits, labels, config.num_labels, config.problem_type)
        return SequenceClassifierOutputWithPast(
            loss, logits, body.past_key_values, body.hidden_states, body.attentions
        )

    def _last_tokens(self, input_ids: Tensor | None, rows: int) -> Tensor | int:
        pad = self.config.pad_token_id
        if pad is None and rows > 1:
            raise InputError(
                "config.pad_token_id is not set, so that the last tokens of several rows cannot be "
                "told from padding: set it to the tokenizer's"
            )
        if pad is None:
            return -1
        if input_ids is None:
            logger.warning("inputs_embeds do not show padding: the last position is classified")
            return -1
        return (
            torch.arange(input_ids.shape[1], device=input_ids.device) * (input_ids != pad)
        ).argmax(-1)


class TextModelForTokenClassification(TextModelForLabels):
    """A ``classifier`` of each token's state."""

    output = TokenClassifierOutput
    dropout: nn.Dropout
    classifier: Linear

    def score(self, body: BaseModelOutput) -> Tensor:
        scores: Tensor = self.classifier(self.dropout(body.last_hidden_state))
        return scores


class TextModelForMultipleChoice(TextModelHead):
    """A ``classifier`` with one output, of the pooled state of each choice."""

    dropout: nn.Dropout
    classifier: Linear

    @model_call
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        **options: Any,
    ) -> MultipleChoiceModelOutput:
        """Score ``(batch, choices, length)`` tokens; ``labels`` ``(batch,)`` name the choices."""
        given = input_ids if inputs_embeds is None else inputs_embeds
        if given is None:
            raise InputError("give either input_ids or inputs_embeds")
        body: BaseModelOutput = self.model(
            _rows(input_ids),
            attention_mask=_rows(attention_mask),
            token_type_ids=_rows(token_type_ids),
            position_ids=_rows(position_ids),
            inputs_embeds=_rows(inputs_embeds),
            **options,
        )
        logits = self.classifier(self.dropout(body.pooler_output)).view(given.shape[:2])
        loss = None if labels is None else token_loss(logits, labels)
        return MultipleChoiceModelOutput(loss, logits, body.hidden_states, body.attentions)


def _rows(choices: Tensor | None) -> Tensor | None:
    """Return ``(batch, choices, ...)`` as one row a choice."""
    return None if choices is None else choices.flatten(0, 1)


class TextModelForQuestionAnswering(TextModelHead):
    """Scores of each token as the first and the last of an answer."""

    qa_outputs: nn.Module

    @model_call
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        start_positions: Tensor | None = None,
        end_positions: Tensor | None = None,
        **options: Any,
    ) -> QuestionAnsweringModelOutput:
        """Score ``(batch, length)`` tokens; positions are ``(batch,)``."""
        body: BaseModelOutput = self.model(
            input_ids,
            attention_mask=attention_mask,
            token_type_ids=token_type_ids,
            position_ids=position_ids,
            inputs_embeds=inputs_embeds,
            **options,
        )
        starts, ends = self.qa_outputs(body.last_hidden_state).unbind(dim=-1)
        loss = None
        if start_positions is not None and end_positions is not None:
            loss = span_loss(starts, ends, start_positions, end_positions)
        return QuestionAnsweringModelOutput(
            loss, starts.contiguous(), ends.contiguous(), body.hidden_states, body.attentions
        )
