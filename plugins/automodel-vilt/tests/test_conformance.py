"""ViLT keeps the promises of every architecture."""

from __future__ import annotations

from automodel_core.testing import Check, architecture_checks

TINY = {
    "vocab_size": 99,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 24,
    "max_position_embeddings": 32,
    "image_size": 12,
    "patch_size": 4,
}
OTHER = {**TINY, "qkv_bias": False, "num_hidden_layers": 1, "patch_size": 6, "pad_token_id": 0}


@architecture_checks("vilt", TINY, task_configs={"visual-question-answering": {"num_labels": 3}})
def test_vilt(check: Check) -> None:
    check()


@architecture_checks("vilt", OTHER)
def test_vilt_of_two_by_two_patches(check: Check) -> None:
    check()
