"""The configuration of TAPAS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from automodel_core.errors import ConfigurationError
from automodel_core.families.bert import BertFamilyConfig
from automodel_core.fields import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt


class TapasConfig(BertFamilyConfig):
    """TAPAS (https://arxiv.org/abs/2004.02349): BERT that reads tables and points at cells.

    Without ``num_aggregation_labels`` a model selects cells only. With them it says what is done
    with the cells, too, and learns so from ``aggregation_labels`` or, with
    ``use_answer_as_supervision``, from answers that are numbers.
    """

    model_type = "tapas"

    max_position_embeddings: PositiveInt = 1024
    type_vocab_sizes: Sequence[int] = (3, 256, 256, 2, 256, 256, 10)
    reset_position_index_per_cell: bool = True

    max_num_rows: PositiveInt = 64
    max_num_columns: PositiveInt = 32
    select_one_column: bool = True
    allow_empty_column_selection: bool = False
    average_logits_per_cell: bool = False
    temperature: PositiveFloat = 1.0
    positive_label_weight: NonNegativeFloat = 10.0
    init_cell_selection_weights_to_zero: bool = False
    disable_per_token_loss: bool = False

    num_aggregation_labels: NonNegativeInt = 0
    aggregation_labels: dict[int, str] | None = None
    no_aggregation_label_index: NonNegativeInt | None = None
    aggregation_loss_weight: NonNegativeFloat = 1.0
    aggregation_temperature: PositiveFloat = 1.0

    use_answer_as_supervision: bool | None = None
    cell_selection_preference: float | None = None
    answer_loss_importance: NonNegativeFloat = 1.0
    answer_loss_cutoff: float | None = None
    use_normalized_answer_loss: bool = False
    huber_loss_delta: PositiveFloat | None = None
    average_approximation_function: Literal["ratio", "first_order", "second_order"] = "ratio"
    use_gumbel_for_cells: bool = False
    use_gumbel_for_aggregation: bool = False

    def validate(self) -> None:
        super().validate()
        if len(self.type_vocab_sizes) < 3 or min(self.type_vocab_sizes) < 1:
            raise ConfigurationError(
                f"TapasConfig: type_vocab_sizes={self.type_vocab_sizes}: expected at least three "
                "sizes from 1 on, the first of them for segments, columns and rows"
            )
        if self.is_decoder:
            raise ConfigurationError("TapasConfig: is_decoder=True, and TAPAS is an encoder only")
