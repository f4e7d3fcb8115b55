"""What the models say: the classes and masks of their queries, and the states behind these."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from automodel_core import modeling

Predictions = dict[str, Tensor]
"""``masks_queries_logits`` and ``class_queries_logits``."""


@dataclass
class StatesOutput(modeling.ModelOutput):
    """States of the backbone, of the pixel decoder and of queries."""

    encoder_last_hidden_state: Tensor = modeling.FILLED
    pixel_decoder_last_hidden_state: Tensor = modeling.FILLED
    transformer_decoder_last_hidden_state: Tensor = modeling.FILLED
    encoder_hidden_states: tuple[Tensor, ...] | None = None
    pixel_decoder_hidden_states: tuple[Tensor, ...] | None = None
    transformer_decoder_hidden_states: tuple[Tensor, ...] | None = None


@dataclass
class MaskFormerModelOutput(StatesOutput):
    """The backbone's last map, features of pixels, and states of queries.

    On request come the backbone's maps, those of the pixel decoder, and the states of queries
    before each layer; ``hidden_states`` are all three in a row. ``attentions`` are those of queries
    to each other.
    """

    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


@dataclass
class Mask2FormerModelOutput(StatesOutput):
    """The backbone's last map, features of pixels, states of queries, and masks of each layer.

    On request come the backbone's maps, those of the pixel decoder, the states of queries before
    each layer and behind the last, ``(queries, batch, size)``, and the same with a norm.
    ``attentions`` are those of queries to each other.
    """

    transformer_decoder_intermediate_states: tuple[Tensor, ...] | None = None
    masks_queries_logits: tuple[Tensor, ...] = modeling.FILLED
    attentions: tuple[Tensor, ...] | None = None


@dataclass
class QueryMasksOutput(modeling.ModelOutput):
    """Classes ``(batch, queries, labels + 1)``, masks ``(batch, queries, rows, columns)``, states.

    The last class is "no object". Masks are logits, of a quarter of the image's edges.
    """

    loss: Tensor | None = None
    class_queries_logits: Tensor = modeling.FILLED
    masks_queries_logits: Tensor = modeling.FILLED
    auxiliary_logits: list[Predictions] | None = None
    encoder_last_hidden_state: Tensor = modeling.FILLED
    pixel_decoder_last_hidden_state: Tensor = modeling.FILLED
    transformer_decoder_last_hidden_state: Tensor = modeling.FILLED
    encoder_hidden_states: tuple[Tensor, ...] | None = None
    pixel_decoder_hidden_states: tuple[Tensor, ...] | None = None
    transformer_decoder_hidden_states: tuple[Tensor, ...] | None = None


@dataclass
class MaskFormerForInstanceSegmentationOutput(QueryMasksOutput):
    """Classes, masks, and the states of `MaskFormerModelOutput`."""

    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


@dataclass
class Mask2FormerForUniversalSegmentationOutput(QueryMasksOutput):
    """Classes, masks, and the states of `Mask2FormerModelOutput`."""

    attentions: tuple[Tensor, ...] | None = None
