"""A head of a new task: one vector for a text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor

from automodel_bert import BertModel, BertPreTrainedModel
from automodel_core.modeling import (
    FILLED,
    ForwardOptions,
    ModelOutput,
    TextInputs,
    TextModelHead,
    model_call,
)

if TYPE_CHECKING:
    from typing_extensions import Unpack


@dataclass
class SentenceEmbedding(ModelOutput):
    """Vectors ``(batch, hidden_size)``."""

    embedding: Tensor = FILLED
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


class BertForSentenceEmbedding(BertPreTrainedModel, TextModelHead):
    """The mean of the states of all tokens that are no padding."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.model = BertModel(config, add_pooling_layer=False)
        self.post_init()

    @model_call
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        **options: Unpack[ForwardOptions],
    ) -> SentenceEmbedding:
        """Return one vector for each row of ``(batch, length)`` tokens."""
        inputs = TextInputs(input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds)
        body = self.run(inputs, **options)
        states = body.last_hidden_state
        shown = states.new_ones(states.shape[:2]) if attention_mask is None else attention_mask
        weights = shown[..., None].to(states.dtype)
        mean = (states * weights).sum(1) / weights.sum(1)
        return SentenceEmbedding.of(body, embedding=mean)
