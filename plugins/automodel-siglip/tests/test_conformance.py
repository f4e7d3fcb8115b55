"""SigLIP and its towers keep the promises of every architecture."""

from __future__ import annotations

from automodel_core.testing import Check, architecture_checks

LAYERS = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 24,
}
TEXT = {
    **LAYERS,
    "vocab_size": 99,
    "max_position_embeddings": 32,
    "bos_token_id": 3,
    "eos_token_id": 4,
}
IMAGE = {**LAYERS, "image_size": 12, "patch_size": 4}
UNLIKE = {
    "text_config": {**TEXT, "hidden_size": 8, "num_hidden_layers": 1, "projection_size": 16},
    "vision_config": {**IMAGE, "image_size": [8, 12], "hidden_act": "relu"},
}


@architecture_checks("siglip", {"text_config": TEXT, "vision_config": IMAGE})
def test_siglip(check: Check) -> None:
    check()


@architecture_checks("siglip", UNLIKE)
def test_siglip_of_unlike_towers(check: Check) -> None:
    check()


@architecture_checks("siglip_text_model", TEXT)
def test_text_tower(check: Check) -> None:
    check()


@architecture_checks("siglip_vision_model", {**IMAGE, "vision_use_head": True})
def test_image_tower(check: Check) -> None:
    check()
