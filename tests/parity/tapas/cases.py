"""TAPAS's heads and configurations, and tables of numbers, to compare with the reference."""

from __future__ import annotations

from typing import Any

import torch

import automodel_tapas
from support.family import ROWS, Case, Family

__all__ = ["ANSWERS", "TAPAS", "answers", "types"]

TAPAS = Family(
    package=automodel_tapas,
    heads=(
        "TapasModel",
        "TapasForMaskedLM",
        "TapasForSequenceClassification",
        "TapasForQuestionAnswering",
    ),
    small={
        "vocab_size": 40, "hidden_size": 16, "intermediate_size": 28, "num_hidden_layers": 2,
        "num_attention_heads": 2, "max_position_embeddings": 24,
        "type_vocab_sizes": [3, 7, 9, 2, 9, 9, 10], "max_num_rows": 6, "max_num_columns": 5,
    },
    cases={
        "plain": Case(),
        "unpadded": Case({"allow_empty_column_selection": True}, padding="none"),
        "padded left": Case({"hidden_act": "relu", "temperature": 0.7}, padding="left"),
        "positions in the row": Case({"reset_position_index_per_cell": False}),
        "few positions": Case({"max_position_embeddings": 2}, lengths=(14, 0)),
        "a table cut short": Case({"max_num_rows": 2, "max_num_columns": 2}, lengths=(12, 0)),
        "one layer, one head": Case({"num_hidden_layers": 1, "num_attention_heads": 1}),
        "five odd heads": Case({"num_attention_heads": 5, "hidden_size": 35}, lengths=(7, 0)),
        "six kinds": Case({"type_vocab_sizes": [3, 7, 9, 2, 9, 9], "layer_norm_eps": 1e-2}),
        "aggregations": Case(
            {"num_aggregation_labels": 3, "aggregation_loss_weight": 0.5, "num_labels": 5}
        ),
        "another padding": Case({"pad_token_id": 1, "vocab_size": 43}, padding="left"),
        "no padding": Case({"pad_token_id": None}, lengths=(4, 0), padding="none"),
    },
    pad=0,
)  # fmt: skip

WEAK = {
    "num_aggregation_labels": 4,
    "use_answer_as_supervision": True,
    "cell_selection_preference": 0.5,
    "huber_loss_delta": 0.4,
}
ANSWERS: dict[str, dict[str, Any]] = {
    "ratio": WEAK,
    "first order": {**WEAK, "average_approximation_function": "first_order"},
    "second order": {**WEAK, "average_approximation_function": "second_order"},
    "normalised": {**WEAK, "use_normalized_answer_loss": True, "answer_loss_importance": 3.0},
    "cut off": {**WEAK, "answer_loss_cutoff": 0.6, "cell_selection_preference": 0.9},
    "warm": {**WEAK, "aggregation_temperature": 0.3, "temperature": 0.4},
    "weights": {**WEAK, "aggregation_loss_weight": 0.2, "cell_selection_preference": 0.1},
    "no loss of tokens": {**WEAK, "disable_per_token_loss": True},
    "any column": {**WEAK, "select_one_column": False, "positive_label_weight": 3.0},
    "any column, by cell": {
        **WEAK, "select_one_column": False, "average_logits_per_cell": True,
    },
    "by cell": {**WEAK, "average_logits_per_cell": True, "allow_empty_column_selection": True},
    "gumbel for cells": {**WEAK, "use_gumbel_for_cells": True, "temperature": 0.8},
    "gumbel for aggregation": {**WEAK, "use_gumbel_for_aggregation": True},
    "known aggregation": {"num_aggregation_labels": 3},
    "known aggregation alone": {"num_aggregation_labels": 3, "disable_per_token_loss": True},
    "cells alone, any column": {"select_one_column": False},
}  # fmt: skip


def types(case: Case, rows: int = ROWS) -> torch.Tensor:
    """Return the types of a question and of cells, out of order and beyond the table's end."""
    settings = {**TAPAS.small, **case.settings}
    chance = torch.Generator().manual_seed(6)
    shape = (rows, case.lengths[0])
    drawn = [
        torch.randint(0, size, shape, generator=chance) for size in settings["type_vocab_sizes"]
    ]
    drawn[1][:, :2] = drawn[2][:, :2] = 0  # the question
    drawn[2][:, 2] = 0  # a header
    return torch.stack(drawn, -1)


def answers(case: Case, token_types: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return answers of all kinds: cells, cells and a number, a number alone.

    Where any column may answer, the reference takes labels that are no whole numbers.
    """
    one_column = case.settings.get("select_one_column", True)
    shape = token_types.shape[:2]
    chance = torch.Generator().manual_seed(7)
    labels = (torch.rand(shape, generator=chance) < 0.4).long() * (token_types[..., 2] > 0)
    labels[-1] = 0
    number = torch.tensor([float("nan"), 3.5, -20.0])[-shape[0] :]
    values = torch.randn(shape, generator=chance) * 5
    values[token_types[..., 2] % 2 == 0] = float("nan")
    scale = torch.randint(1, 4, shape, generator=chance).float()
    return {
        "labels": labels if one_column else labels.float(),
        "float_answer": number,
        "aggregation_labels": torch.tensor([0, 2, 1])[-shape[0] :],
        "numeric_values": values,
        "numeric_values_scale": scale,
    }
