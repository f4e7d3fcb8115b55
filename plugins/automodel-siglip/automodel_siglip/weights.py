"""The hub's names of SigLIP's weights: those of each tower under its name."""

from __future__ import annotations

import functools

from automodel_core.checkpoint import WeightNames
from automodel_core.families.clip import IMAGE_TOWER_NAMES, TEXT_TOWER_NAMES, tower_names

HEAD = {
    "head.attention.out_proj": "head.attention.o_proj",
    "head.layernorm": "head.norm",
    "head.mlp.fc1": "head.mlp.up_proj",
    "head.mlp.fc2": "head.mlp.down_proj",
    "head": "head",
}
FUSED = {
    f"head.attention.in_proj_{part}": tuple(f"head.attention.{side}_proj.{part}" for side in "qkv")
    for part in ("weight", "bias")
}


@functools.cache
def text_names(module: str) -> WeightNames:
    """Return the names of the tower of texts at a path, or of the whole model."""
    return tower_names({**TEXT_TOWER_NAMES, "head": "head"}, "text_model", module)


@functools.cache
def image_names(module: str) -> WeightNames:
    """Return the names of the tower of images at a path, or of the whole model."""
    return tower_names({**IMAGE_TOWER_NAMES, **HEAD}, "vision_model", module, FUSED)


@functools.cache
def siglip_names() -> WeightNames:
    """Return the names of both towers together."""
    return text_names("text_model") | image_names("vision_model")
