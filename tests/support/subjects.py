"""A tiny model and its inputs for every head of every plugin of this repository."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from automodel_core import registry
from automodel_core.testing.case import Subject
from automodel_core.testing.small_models import register_small_parts
from automodel_core.testing.tiny import tiny

__all__ = ["HEADS", "heads"]

TEXT, IMAGE = ({"model_type": f"small-{kind}"} for kind in ("text", "image"))
IDS = {"decoder_start_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
TOWER = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 16,
}  # fmt: skip
PAIR = {
    "text_config": {
        **TOWER, "vocab_size": 99, "bos_token_id": 0, "eos_token_id": 2, "pad_token_id": 1,
    },
    "vision_config": {**TOWER, "image_size": 16, "patch_size": 4},
}  # fmt: skip
GIVEN: dict[str, dict[str, Any]] = {
    "clip": {**PAIR, "projection_dim": 16},
    "donut-swin": {
        "image_size": 16, "patch_size": 2, "embed_dim": 8, "depths": [1, 2], "num_heads": [2, 4],
        "window_size": 4,
    },
    "encoder-decoder": {"encoder": {**TEXT, "hidden_size": 12}, "decoder": TEXT, **IDS},
    "siglip": PAIR,
    "vision-encoder-decoder": {"encoder": {**IMAGE, "hidden_size": 12}, "decoder": TEXT, **IDS},
}  # fmt: skip
"""Configurations that cannot be guessed."""
CORRECTED: dict[str, dict[str, Any]] = {
    "detr": {"encoder_attention_heads": 8},
    "dpt": {
        "backbone_out_indices": [0, 1], "reassemble_factors": [2, 1], "neck_hidden_sizes": [6, 8],
    },
    "yolos": {"image_size": [16, 24]},
}  # fmt: skip
"""What is guessed wrong, as it must fit another value."""
BY_TASK = {"causal-lm": {"is_decoder": True}}


def heads() -> dict[str, Subject]:
    """Return a subject for each model class of the installed architectures, by its name."""
    register_small_parts()
    found: dict[str, Subject] = {}
    for record in registry.plugins.records():
        for model_type in record.names if record.is_architecture else ():
            architecture = registry.get(model_type)
            values = GIVEN.get(model_type) or {**tiny(model_type), **CORRECTED.get(model_type, {})}
            both = {"causal-lm", "masked-lm"} <= set(architecture.models)
            subject = Subject(model_type, values, BY_TASK if both else {})
            for task, reference in architecture.models.items():
                found.setdefault(reference.rpartition(":")[2], replace(subject, task=task))
    return found


HEADS = heads()
