"""OWL-ViT, OWLv2 and their towers keep the promises of every architecture."""

from __future__ import annotations

from typing import Any

from automodel_core.testing import Check, architecture_checks

LAYERS: dict[str, Any] = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 24,
}  # fmt: skip
TEXT = {
    **LAYERS, "vocab_size": 99, "max_position_embeddings": 32, "bos_token_id": 97,
    "eos_token_id": 98,
}  # fmt: skip
IMAGE = {**LAYERS, "image_size": 12, "patch_size": 4}
BOTH = {"text_config": TEXT, "vision_config": IMAGE, "projection_dim": 16}
UNLIKE = {
    "text_config": {**TEXT, "hidden_size": 8, "num_hidden_layers": 1},
    "vision_config": {**IMAGE, "image_size": [8, 12], "hidden_act": "gelu"},
    "projection_dim": 8,
}


@architecture_checks("owlvit", BOTH)
def test_owlvit(check: Check) -> None:
    check()


@architecture_checks("owlv2", UNLIKE)
def test_owlv2_of_unlike_towers(check: Check) -> None:
    check()


@architecture_checks("owlvit_text_model", TEXT)
def test_text_tower(check: Check) -> None:
    check()


@architecture_checks("owlv2_vision_model", IMAGE)
def test_image_tower(check: Check) -> None:
    check()
