"""Heads on one stack that reads text: the wiring that all of them share, around any body.

A subclass gives the ``model`` and the layers that score. The body takes the arguments passed on
here and returns a `BaseModelOutput`.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

import torch
from torch import Tensor, nn

from automodel_core.errors import InputError
from automodel_core.layers.caches.base import Cache
from automodel_core.layers.kernels.linear import project
from automodel_core.layers.tracing import holds
from automodel_core.modeling.bodies.inputs import DecoderOptions, TextInputs
from automodel_core.modeling.calls import ForwardOptions, model_call
from automodel_core.modeling.heads.parts import HeadTransform, answer_scores, states_to_score
from automodel_core.modeling.losses.classes import ItemCount
from automodel_core.modeling.losses.labels import classification_loss
from automodel_core.modeling.losses.text import next_token_loss, replaced_token_loss, token_loss
from automodel_core.modeling.outputs.base import BaseModelOutput, ModelOutput
from automodel_core.modeling.outputs.text import (
    CausalLMOutput,
    MaskedLMOutput,
    MultipleChoiceModelOutput,
    NextSentencePredictorOutput,
    QuestionAnsweringModelOutput,
    SequenceClassifierOutput,
    SequenceClassifierOutputWithPast,
    TokenClassifierOutput,
)
from automodel_core.modeling.pretrained.base import PreTrainedModel
from automodel_core.modeling.pretrained.generative import GenerativePreTrainedModel

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = [
    "DecoderForSequenceClassification",
    "TextModelForCausalLM",
    "TextModelForLabels",
    "TextModelForMaskedLM",
    "TextModelForMultipleChoice",
    "TextModelForNextSentencePrediction",
    "TextModelForQuestionAnswering",
    "TextModelForReplacedTokens",
    "TextModelForSequenceClassification",
    "TextModelForTokenClassification",
    "TextModelHead",
]

Out = TypeVar("Out", bound=ModelOutput)

logger = logging.getLogger(__name__)


class TextModelHead(PreTrainedModel):
    """A head on a ``model`` that reads text."""

    model: nn.Module
    body = "model"
    input_embeddings = "model.embed_tokens"

    def run(self, inputs: TextInputs, **options: Unpack[DecoderOptions]) -> BaseModelOutput:
        """Run the body on the inputs that are given."""
        given = {name: value for name, value in vars(inputs).items() if value is not None}
        body: BaseModelOutput = self.model(**given, **options)
        return body


class TextModelForCausalLM(TextModelHead, GenerativePreTrainedModel):
    """Next-token scores of a decoder, which may attend to an encoder's states."""

    output_embeddings = "lm_head"
    loss_type: ClassVar[str | None] = "ForCausalLM"
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
        num_items_in_batch: ItemCount = None,
        **options: Unpack[ForwardOptions],
    ) -> CausalLMOutput:
        """Score ``(batch, length)`` tokens; ``labels`` are the same tokens, not shifted."""
        if labels is not None and not self.caches_with_labels:
            use_cache = False
        inputs = TextInputs(
            input_ids,
            attention_mask,
            token_type_ids,
            position_ids,
            inputs_embeds,
            encoder_hidden_states,
            encoder_attention_mask,
            past_key_values,
            use_cache,
        )
        body = self.run(inputs, **options)
        states = states_to_score(body.last_hidden_state, logits_to_keep)
        logits = self.score_states(states, past_key_values)
        loss = None if labels is None else next_token_loss(logits, labels, num_items_in_batch)
        return CausalLMOutput.of(body, loss=loss, logits=logits)


class TextModelForLabels(TextModelHead, Generic[Out]):
    """Scores for labels: heads differ in `classify`, `loss` and the class of their ``output``."""

    output: type[Out]

    @abstractmethod
    def classify(self, body: BaseModelOutput, inputs: TextInputs) -> Tensor:
        """Return the logits that the body's states of the inputs give."""

    def loss(self, logits: Tensor, labels: Tensor, num_items_in_batch: ItemCount = None) -> Tensor:
        """Return the loss of the logits: one class is right for each."""
        return token_loss(logits, labels, num_items_in_batch)

    @model_call
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        num_items_in_batch: ItemCount = None,
        **options: Unpack[DecoderOptions],
    ) -> Out:
        """Score ``(batch, length)`` tokens, or ``(batch, choices, length)`` of several texts.

        ``labels`` are ``(batch,)``, one a text, or ``(batch, length)``, one a token.
        """
        inputs = TextInputs(input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds)
        return self.score(inputs, labels, num_items_in_batch, **options)

    def score(
        self,
        inputs: TextInputs,
        labels: Tensor | None,
        num_items_in_batch: ItemCount = None,
        **options: Unpack[DecoderOptions],
    ) -> Out:
        """Return what `forward` does, for a head whose arguments are others, too."""
        body = self.run(inputs, **options)
        logits = self.classify(body, inputs)
        loss = None if labels is None else self.loss(logits, labels, num_items_in_batch)
        return self.output.of(body, loss=loss, logits=logits)


class TextModelForMaskedLM(TextModelForLabels[MaskedLMOutput]):
    """Scores over the vocabulary for each token, by ``lm_transform`` and ``lm_head``."""

    output = MaskedLMOutput
    output_embeddings = "lm_head"
    lm_transform: HeadTransform
    lm_head: nn.Linear

    def classify(self, body: BaseModelOutput, inputs: TextInputs) -> Tensor:
        return project(self.lm_head, self.lm_transform(body.last_hidden_state))


class TextModelForNextSentencePrediction(TextModelForLabels[NextSentencePredictorOutput]):
    """Scores ``(batch, 2)`` of the pooled state of two sentences, by ``next_sentence``."""

    output = NextSentencePredictorOutput
    next_sentence: nn.Linear

    def classify(self, body: BaseModelOutput, inputs: TextInputs) -> Tensor:
        scores: Tensor = self.next_sentence(body.pooler_output)
        return scores


class TextModelForSequenceClassification(TextModelForLabels[SequenceClassifierOutput]):
    """A ``classifier`` of the pooled state: classes, or numbers."""

    output = SequenceClassifierOutput
    dropout: nn.Dropout
    classifier: nn.Linear

    def classify(self, body: BaseModelOutput, inputs: TextInputs) -> Tensor:
        scores: Tensor = self.classifier(self.dropout(body.pooler_output))
        return scores

    def loss(self, logits: Tensor, labels: Tensor, num_items_in_batch: ItemCount = None) -> Tensor:
        kind = self.config.num_labels, self.config.problem_type
        return classification_loss(logits, labels, *kind, num_items_in_batch)


class DecoderForSequenceClassification(TextModelForLabels[SequenceClassifierOutputWithPast]):
    """A ``classifier`` of the last token that is not padding, which has seen all others."""

    output = SequenceClassifierOutputWithPast
    classifier: nn.Linear

    def classify(self, body: BaseModelOutput, inputs: TextInputs) -> Tensor:
        """Return the logits ``(batch, labels)``; embeddings do not show what is padding.

        Raises `InputError` for several rows where the configuration has no ``pad_token_id``.
        """
        states = body.last_hidden_state
        rows = torch.arange(states.shape[0], device=states.device)
        last = self._last_tokens(inputs.input_ids, states.shape[0])
        scores: Tensor = self.classifier(states[rows, last])
        return scores

    def loss(self, logits: Tensor, labels: Tensor, num_items_in_batch: ItemCount = None) -> Tensor:
        kind = self.config.num_labels, self.config.problem_type
        return classification_loss(logits, labels, *kind, num_items_in_batch)

    def _last_tokens(self, input_ids: Tensor | None, rows: int) -> Tensor | int:
        pad = self.config.pad_token_id
        if pad is None and not holds(rows == 1):
            raise InputError(
                "config.pad_token_id is not set, so that the last tokens of several rows cannot be "
                "told from padding: set it to the tokenizer's"
            )
        if pad is None:
            return -1
        if input_ids is None:
            logger.warning("inputs_embeds do not show padding: the last position is classified")
            return -1
        places = torch.arange(input_ids.shape[1], device=input_ids.device)
        last: Tensor = (places * (input_ids != pad)).argmax(-1)
        return last


class TextModelForTokenClassification(TextModelForLabels[TokenClassifierOutput]):
    """A ``classifier`` of each token's state."""

    output = TokenClassifierOutput
    dropout: nn.Dropout
    classifier: nn.Linear

    def classify(self, body: BaseModelOutput, inputs: TextInputs) -> Tensor:
        scores: Tensor = self.classifier(self.dropout(body.last_hidden_state))
        return scores


class TextModelForReplacedTokens(TextModelForLabels[TokenClassifierOutput]):
    """A score ``(batch, length)`` of each token by a ``detector``: whether it was replaced (1)."""

    output = TokenClassifierOutput
    detector: nn.Module

    def classify(self, body: BaseModelOutput, inputs: TextInputs) -> Tensor:
        scores: Tensor = self.detector(body.last_hidden_state)
        return scores

    def score(
        self,
        inputs: TextInputs,
        labels: Tensor | None,
        num_items_in_batch: ItemCount = None,
        **options: Unpack[DecoderOptions],
    ) -> TokenClassifierOutput:
        output = super().score(inputs, None, **options)
        if labels is not None:
            shown = inputs.attention_mask
            output.loss = replaced_token_loss(output.logits, labels, shown, num_items_in_batch)
        return output


class TextModelForMultipleChoice(TextModelForLabels[MultipleChoiceModelOutput]):
    """A ``classifier`` with one output, of the pooled state of each of ``(batch, choices)``."""

    output = MultipleChoiceModelOutput
    dropout: nn.Dropout
    classifier: nn.Linear

    def run(self, inputs: TextInputs, **options: Unpack[DecoderOptions]) -> BaseModelOutput:
        return super().run(inputs.as_rows(), **options)

    def classify(self, body: BaseModelOutput, inputs: TextInputs) -> Tensor:
        scores: Tensor = self.classifier(self.dropout(body.pooler_output))
        return scores.view(inputs.shape[:-1])


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
        **options: Unpack[DecoderOptions],
    ) -> QuestionAnsweringModelOutput:
        """Score ``(batch, length)`` tokens; positions are ``(batch,)``."""
        inputs = TextInputs(input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds)
        return self.score(inputs, start_positions, end_positions, **options)

    def score(
        self,
        inputs: TextInputs,
        start_positions: Tensor | None,
        end_positions: Tensor | None,
        **options: Unpack[DecoderOptions],
    ) -> QuestionAnsweringModelOutput:
        """Return what `forward` does, for a head whose arguments are others, too."""
        body = self.run(inputs, **options)
        scores = self.qa_outputs(body.last_hidden_state)
        return QuestionAnsweringModelOutput.of(
            body, **answer_scores(scores, start_positions, end_positions)
        )
