"""A head for BERT: one vector of length 1 for a text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch.nn.functional as F
from torch import Tensor

from automodel_bert import BertConfig, BertModel, BertPreTrainedModel
from automodel_core import modeling

if TYPE_CHECKING:
    from typing_extensions import Unpack


@dataclass
class TextEmbeddingOutput(modeling.ModelOutput):
    """Embeddings ``(batch, hidden_size)`` of length 1, so that products are cosines."""

    embeddings: Tensor = modeling.FILLED
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


class TextEmbeddingModel(modeling.PreTrainedModel):
    """What each model for the task is, of whatever architecture."""

    if TYPE_CHECKING:

        def forward(self, *args: Any, **options: Any) -> TextEmbeddingOutput: ...


class BertForTextEmbedding(BertPreTrainedModel, modeling.TextModelHead, TextEmbeddingModel):
    """The state of the first token, divided by its length."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config)
        self.model = BertModel(config, add_pooling_layer=False)
        self.post_init()

    @modeling.model_call
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> TextEmbeddingOutput:
        """Embed texts ``(batch, length)``."""
        body = self.model(input_ids=input_ids, attention_mask=attention_mask, **options)
        first = body.last_hidden_state[:, 0]
        return TextEmbeddingOutput.of(body, embeddings=F.normalize(first, dim=-1))
