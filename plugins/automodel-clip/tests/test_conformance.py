"""CLIP and its towers keep the promises of every architecture."""

from __future__ import annotations

from automodel_core.testing import Check, architecture_checks

LAYERS = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 24,
    "projection_dim": 8,
}
TEXT = {
    **LAYERS,
    "vocab_size": 99,
    "max_position_embeddings": 32,
    "bos_token_id": 3,
    "eos_token_id": 4,
}
IMAGE = {**LAYERS, "image_size": 12, "patch_size": 4}
BOTH = {"text_config": TEXT, "vision_config": IMAGE, "projection_dim": 8}
UNLIKE = {
    "text_config": {**TEXT, "hidden_size": 8, "num_hidden_layers": 1, "eos_token_id": 2},
    "vision_config": {**IMAGE, "image_size": [8, 12], "hidden_act": "gelu"},
    "projection_dim": 12,
}


@architecture_checks("clip", BOTH)
def test_clip(check: Check) -> None:
    check()


@architecture_checks("clip", UNLIKE)
def test_clip_of_unlike_towers(check: Check) -> None:
    check()


@architecture_checks("clip_text_model", TEXT)
def test_text_tower(check: Check) -> None:
    check()


@architecture_checks("clip_vision_model", IMAGE)
def test_image_tower(check: Check) -> None:
    check()
