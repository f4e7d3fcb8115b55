"""LayoutLM: BERT whose embeddings also say where on the page each token stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor, nn

import automodel_core.families.bert as family
from automodel_core import layers, modeling
from automodel_core.checkpoint import WeightNames
from automodel_core.errors import InputError
from automodel_layoutlm.configuration import LayoutLMConfig
from automodel_layoutlm.weights import layoutlm_names

if TYPE_CHECKING:
    from typing_extensions import Unpack

Out = TypeVar("Out", bound=modeling.ModelOutput)


@dataclass
class BoxedInputs(modeling.TextInputs):
    """Tokens with their boxes ``(batch, length, 4)``: left, upper, right and lower edge."""

    bbox: Tensor | None = None

    def check_shapes(self) -> None:
        super().check_shapes()
        if self.bbox is None or layers.in_trace():
            return
        batch, length = self.shape
        shapes = ((batch, length, 4), (1, length, 4))
        if tuple(self.bbox.shape) not in shapes or self.bbox.is_floating_point():
            raise InputError(
                f"bbox must be whole numbers ({batch}, {length}, 4), got {self.bbox.dtype} "
                f"{tuple(self.bbox.shape)}"
            )


class BoxEmbeddings(nn.Module):
    """Embeddings of a box's edges, its height and its width, each of ``count`` whole numbers."""

    def __init__(self, count: int, size: int) -> None:
        super().__init__()
        self.x = layers.embedding(count, size)
        self.y = layers.embedding(count, size)
        self.h = layers.embedding(count, size)
        self.w = layers.embedding(count, size)

    def forward(self, bbox: Tensor) -> Tensor:
        """Return the sum ``(batch, length, size)``; raise `InputError` for an impossible box."""
        left, upper, right, lower = bbox.unbind(-1)
        height, width = lower - upper, right - left
        self._check(bbox, torch.minimum(height, width))
        edges = self.x(left) + self.y(upper) + self.x(right) + self.y(lower)
        total: Tensor = edges + self.h(height) + self.w(width)
        return total

    def _check(self, bbox: Tensor, shorter: Tensor) -> None:
        if layers.in_trace():
            return
        last = self.x.num_embeddings - 1
        wrong = (bbox.amin(-1) < 0) | (bbox.amax(-1) > last) | (shorter < 0)
        if not wrong.any():
            return
        row, token = wrong.nonzero()[0].tolist()
        raise InputError(
            f"bbox of token {token} in row {row} is {bbox[row, token].tolist()}: expected left, "
            f"upper, right and lower edge, in this order, none below 0 or above {last}. Pages "
            "are 1000 wide and 1000 high: scale the edges by the page's size"
        )


class LayoutLMPreTrainedModel(family.BertFamilyPreTrainedModel):
    """What all LayoutLM models share: the names of weights."""

    config_class = LayoutLMConfig
    config: LayoutLMConfig
    base_model_prefix = "layoutlm"
    optional_weights = ()  # files of all heads have a pooler

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return layoutlm_names(cls.body, is_tied=config.tie_word_embeddings)


class LayoutLMModel(LayoutLMPreTrainedModel, family.BertFamilyModel):
    """The body: embeddings, layers, and a pooler unless ``add_pooling_layer`` is false."""

    def __init__(self, config: LayoutLMConfig, add_pooling_layer: bool = True) -> None:
        super().__init__(config, add_pooling_layer)
        self.embed_boxes = BoxEmbeddings(config.max_2d_position_embeddings, config.hidden_size)
        self.post_init()

    def place(self, embedded: Tensor, inputs: Any) -> Tensor:
        bbox = inputs.bbox
        if bbox is None:
            bbox = torch.zeros(1, 1, 4, dtype=torch.long, device=embedded.device)
        placed: Tensor = super().place(embedded, inputs) + self.embed_boxes(bbox)
        return placed

    @modeling.model_call
    def forward(  # type: ignore[override]
        self,
        input_ids: Tensor | None = None,
        bbox: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> modeling.BaseModelOutput:
        """Run ``(batch, length)`` tokens, at ``bbox`` on their page, through the layers."""
        given = (input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds)
        return self.read(BoxedInputs(*given, bbox=bbox), **options)


class LayoutLMHeadOfTokens(LayoutLMPreTrainedModel):
    """A head that does not read the body's pooler, and keeps it, as files of all heads have it."""

    pooled = True

    def __init__(self, config: LayoutLMConfig) -> None:
        super().__init__(config)
        self.get_submodule(f"{self.body}.pooler").requires_grad_(False)


class LayoutLMForLabels(LayoutLMPreTrainedModel, modeling.TextModelForLabels[Out]):
    """Scores for labels of tokens with boxes, or of whole pages."""

    @modeling.model_call
    def forward(  # type: ignore[override]
        self,
        input_ids: Tensor | None = None,
        bbox: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        num_items_in_batch: modeling.ItemCount = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> Out:
        """Score ``(batch, length)`` tokens at ``bbox``; labels are one a text, or one a token."""
        given = (input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds)
        inputs = BoxedInputs(*given, bbox=bbox)
        return self.score(inputs, labels, num_items_in_batch, **options)


class LayoutLMForMaskedLM(
    LayoutLMHeadOfTokens,
    LayoutLMForLabels[modeling.MaskedLMOutput],
    family.BertFamilyForMaskedLM,
):
    """Guess the tokens behind the masks."""

    model_class = LayoutLMModel


class LayoutLMForSequenceClassification(
    LayoutLMForLabels[modeling.SequenceClassifierOutput],
    family.BertFamilyForSequenceClassification,
):
    """Classify pages, or give them numbers."""

    model_class = LayoutLMModel


class LayoutLMForTokenClassification(
    LayoutLMHeadOfTokens,
    LayoutLMForLabels[modeling.TokenClassifierOutput],
    family.BertFamilyForTokenClassification,
):
    """Classify each token."""

    model_class = LayoutLMModel


class LayoutLMForQuestionAnswering(LayoutLMHeadOfTokens, family.BertFamilyForQuestionAnswering):
    """Find where on a page the answer to a question starts and ends."""

    model_class = LayoutLMModel

    @modeling.model_call
    def forward(  # type: ignore[override]
        self,
        input_ids: Tensor | None = None,
        bbox: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        start_positions: Tensor | None = None,
        end_positions: Tensor | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> modeling.QuestionAnsweringModelOutput:
        """Score ``(batch, length)`` tokens at ``bbox``; positions are ``(batch,)``."""
        given = (input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds)
        inputs = BoxedInputs(*given, bbox=bbox)
        return self.score(inputs, start_positions, end_positions, **options)
