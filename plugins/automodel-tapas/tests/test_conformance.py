"""TAPAS keeps the promises of every architecture."""

from __future__ import annotations

from automodel_core.testing import Check, architecture_checks

TINY = {
    "vocab_size": 99,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 24,
    "max_position_embeddings": 32,
    "type_vocab_sizes": [3, 7, 9, 2, 9, 9, 10],
    "max_num_rows": 6,
    "max_num_columns": 5,
}
ANY_COLUMN = {
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "reset_position_index_per_cell": False,
    "select_one_column": False,
    "average_logits_per_cell": True,
    "tie_word_embeddings": False,
}


@architecture_checks("tapas", TINY)
def test_tapas(check: Check) -> None:
    check()


@architecture_checks("tapas", {**TINY, **ANY_COLUMN})
def test_cells_of_any_column(check: Check) -> None:
    check()
