"""MPNet keeps the promises of every architecture."""

from __future__ import annotations

from automodel_core.testing import Check, architecture_checks

TINY = {
    "vocab_size": 99,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 24,
    "max_position_embeddings": 34,
}


@architecture_checks("mpnet", TINY)
def test_mpnet(check: Check) -> None:
    check()


@architecture_checks(
    "mpnet", {**TINY, "tie_word_embeddings": False, "relative_attention_num_buckets": 8}
)
def test_mpnet_with_an_output_layer_of_its_own(check: Check) -> None:
    check()
