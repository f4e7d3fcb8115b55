"""TAPAS: BERT whose embeddings also say where in a table each token stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn

import automodel_core.families.bert as family
from automodel_core import layers, modeling
from automodel_core.checkpoint import WeightNames
from automodel_core.errors import InputError
from automodel_tapas.cells import Cells, column_logits, in_one_column, places_in_cells
from automodel_tapas.configuration import TapasConfig
from automodel_tapas.losses import (
    Answers,
    column_selection_loss,
    table_loss,
    token_selection_loss,
)
from automodel_tapas.weights import tapas_names

if TYPE_CHECKING:
    from typing_extensions import Unpack

KINDS = (
    "segments",
    "columns",
    "rows",
    "previous answers",
    "ranks",
    "inverse ranks",
    "relations to the question's numbers",
)


@dataclass
class TableInputs(modeling.TextInputs):
    """Tokens, and of each several types ``(batch, length, kinds)`` that say where it stands."""

    table_types: Tensor | None = None
    type_sizes: tuple[int, ...] = ()

    def check_shapes(self) -> None:
        """Raise `InputError` for types of another shape, and for those that no embedding has."""
        super().check_shapes()
        types = self.table_types
        if types is None or layers.in_trace():
            return
        batch, length = self.shape
        kinds = len(self.type_sizes)
        if tuple(types.shape) != (batch, length, kinds) or types.is_floating_point():
            raise InputError(
                f"token_type_ids must be whole numbers ({batch}, {length}, {kinds}), got "
                f"{types.dtype} {tuple(types.shape)}"
            )
        if not types.numel():
            return
        lowest, highest = types.amin((0, 1)).tolist(), types.amax((0, 1)).tolist()
        for kind, size in enumerate(self.type_sizes):
            if lowest[kind] < 0 or highest[kind] >= size:
                name = KINDS[kind] if kind < len(KINDS) else str(kind)
                raise InputError(
                    f"token_type_ids of kind {kind} ({name}) must lie between 0 and {size - 1}; "
                    f"those given reach from {lowest[kind]} to {highest[kind]}"
                )


class TapasPreTrainedModel(family.BertFamilyPreTrainedModel):
    """What all TAPAS models share: the names of weights."""

    config_class = TapasConfig
    config: TapasConfig
    base_model_prefix = "tapas"
    pooled: ClassVar[bool] = True

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return tapas_names(
            cls.body,
            kinds=len(config.type_vocab_sizes),
            is_tied=config.tie_word_embeddings,
            is_pooled=cls.pooled,
        )


class TapasModel(TapasPreTrainedModel, family.BertFamilyModel):
    """The body: embeddings, layers, and a pooler unless ``add_pooling_layer`` is false."""

    has_token_types = False  # but several, which are no part of the family

    def __init__(self, config: TapasConfig, add_pooling_layer: bool = True) -> None:
        super().__init__(config, add_pooling_layer)
        size = config.hidden_size
        tables = [layers.embedding(count, size) for count in config.type_vocab_sizes]
        self.embed_types = nn.ModuleList(tables)
        self.post_init()

    def positions_of(self, inputs: Any) -> Tensor:
        """Return positions in a cell, or with ``reset_position_index_per_cell`` off in the row."""
        config = self.config
        if inputs.position_ids is not None or not config.reset_position_index_per_cell:
            limited: Tensor = inputs.positions(config.max_position_embeddings)
            return limited
        places: Tensor = inputs.positions()
        if inputs.table_types is not None:
            columns, rows = config.type_vocab_sizes[1:3]
            places = places_in_cells(inputs.table_types, columns, rows)
        return places.clamp(max=config.max_position_embeddings - 1)

    def place(self, embedded: Tensor, inputs: Any) -> Tensor:
        placed = super().place(embedded, inputs)
        types = inputs.table_types
        if types is None:
            types = torch.zeros(
                1, 1, len(self.embed_types), dtype=torch.long, device=embedded.device
            )
        for kind, table in enumerate(self.embed_types):
            placed = placed + table(types[..., kind])
        return placed

    @modeling.model_call
    def forward(  # type: ignore[override]
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> modeling.BaseModelOutput:
        """Run ``(batch, length)`` tokens with types ``(batch, length, kinds)`` through the layers.

        Without types, all tokens are those of a question.
        """
        given = (input_ids, attention_mask, None, position_ids, inputs_embeds)
        sizes = tuple(self.config.type_vocab_sizes)
        inputs = TableInputs(*given, table_types=token_type_ids, type_sizes=sizes)
        return self.read(inputs, **options)


class TapasForMaskedLM(TapasPreTrainedModel, family.BertFamilyForMaskedLM):
    """Guess the tokens behind the masks, in a question or a table."""

    model_class = TapasModel
    pooled = False


class TapasForSequenceClassification(
    TapasPreTrainedModel, family.BertFamilyForSequenceClassification
):
    """Classify sentences about tables, such as by whether a table entails them."""

    model_class = TapasModel


class TokenScore(nn.Module):
    """A score of each token's state."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(size))
        self.bias = nn.Parameter(torch.empty(()))

    def forward(self, states: Tensor) -> Tensor:
        """Return ``(batch, length)`` in float32 for ``(batch, length, size)``."""
        return (states @ self.weight + self.bias).float()


@dataclass
class TableQuestionAnsweringOutput(modeling.ModelOutput):
    """Logits ``(batch, length)`` of tokens to be in the answer, and of what is done with cells."""

    loss: Tensor | None = None
    logits: Tensor = modeling.FILLED
    logits_aggregation: Tensor | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


class TapasForQuestionAnswering(TapasPreTrainedModel, family.BertFamilyHead):
    """Select the cells that answer a question, and say what is done with them."""

    model_class = TapasModel
    pooled = True

    def __init__(self, config: TapasConfig) -> None:
        super().__init__(config)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        self.cell_score = TokenScore(config.hidden_size)
        self.column_score = TokenScore(config.hidden_size)
        # Files have a pooler and scores of columns where nothing needs them, too.
        self.column_score.requires_grad_(config.select_one_column)
        self.model.pooler.requires_grad_(config.num_aggregation_labels > 0)
        if config.num_aggregation_labels > 0:
            count = config.num_aggregation_labels
            self.aggregation_classifier = layers.linear(config.hidden_size, count)
        self.post_init()

    def init_module(self, module: nn.Module) -> None:
        super().init_module(module)
        if isinstance(module, TokenScore):
            starts_at_zero = self.config.init_cell_selection_weights_to_zero
            module.weight.normal_(0.0, 0.0 if starts_at_zero else self.config.initializer_range)
            module.bias.zero_()

    @modeling.model_call
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        table_mask: Tensor | None = None,
        labels: Tensor | None = None,
        aggregation_labels: Tensor | None = None,
        float_answer: Tensor | None = None,
        numeric_values: Tensor | None = None,
        numeric_values_scale: Tensor | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> TableQuestionAnsweringOutput:
        """Score ``(batch, length)`` tokens with types ``(batch, length, kinds)``.

        ``labels`` ``(batch, length)`` are 1 for tokens of the answer; which of the others a loss
        needs, the configuration says. ``table_mask`` shows the tokens whose numbers count, by
        default all behind the header.
        """
        inputs = modeling.TextInputs(
            input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds
        )
        body = self.run(inputs, **options)
        config, states = self.config, self.dropout(body.last_hidden_state)
        ones = torch.ones(states.shape[:2], device=states.device)
        if token_type_ids is None:
            token_type_ids = ones.new_zeros(*ones.shape, len(config.type_vocab_sizes)).long()
        shown = ones if attention_mask is None else attention_mask.float()
        cells = Cells.of(token_type_ids, config.max_num_rows, config.max_num_columns)
        logits = self.cell_score(states) / config.temperature
        operations = None
        if config.num_aggregation_labels > 0:
            operations = self.aggregation_classifier(body.pooler_output)
        if labels is not None and labels.shape != ones.shape:
            raise InputError(
                f"labels have shape {tuple(labels.shape)}, expected {tuple(ones.shape)}: one for "
                "each token"
            )
        logits, selection = self._selected(states, logits, labels, cells, shown)
        loss = None
        if labels is not None and selection is not None:
            answers = Answers(
                labels, aggregation_labels, float_answer, numeric_values, numeric_values_scale
            )
            in_table = token_type_ids[..., 2] > 0 if table_mask is None else table_mask
            loss = table_loss(config, answers, selection, logits, operations, in_table.float())
        return TableQuestionAnsweringOutput.of(
            body, loss=loss, logits=logits, logits_aggregation=operations
        )

    def _selected(
        self, states: Tensor, logits: Tensor, labels: Tensor | None, cells: Cells, shown: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Return the logits of tokens, and the loss ``(batch,)`` of labels, if there are any."""
        config, loss = self.config, None
        if not config.select_one_column:
            if config.average_logits_per_cell:
                logits = cells.spread(cells.mean(logits))
            if labels is not None:
                weight = config.positive_label_weight
                loss = token_selection_loss(logits, labels, shown, weight)
            return logits, loss
        visible = cells.mean(shown)
        columns = column_logits(
            self.column_score(states), cells, visible,
            may_be_empty=config.allow_empty_column_selection,
        )  # fmt: skip
        per_cell = cells.mean(logits)
        if labels is not None:
            loss = column_selection_loss(per_cell, columns, labels, cells, visible)
        return cells.spread(in_one_column(per_cell, columns, cells, visible)), loss
