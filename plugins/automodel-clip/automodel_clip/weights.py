"""The hub's names of CLIP's weights: those of each tower under its name."""

from __future__ import annotations

import functools

from automodel_core.checkpoint import WeightNames
from automodel_core.families.clip import IMAGE_TOWER_NAMES, TEXT_TOWER_NAMES, tower_names


@functools.cache
def text_names(module: str) -> WeightNames:
    """Return the names of the tower of texts at a path, or of the whole model."""
    return tower_names(TEXT_TOWER_NAMES, "text_model", module)


@functools.cache
def image_names(module: str) -> WeightNames:
    """Return the names of the tower of images at a path, or of the whole model."""
    return tower_names(IMAGE_TOWER_NAMES, "vision_model", module)


@functools.cache
def clip_names() -> WeightNames:
    """Return the names of both towers together."""
    return text_names("text_model") | image_names("vision_model")
