"""The hub's names of the weights of OWL-ViT and OWLv2: those of CLIP's towers, and of heads."""

from __future__ import annotations

import functools

from automodel_core.checkpoint import WeightNames
from automodel_core.families.clip import IMAGE_TOWER_NAMES, TEXT_TOWER_NAMES, tower_names

IMAGE_NAMES = {
    # Spelled right here.
    {"pre_layrnorm": "pre_layernorm"}.get(hub, hub): module
    for hub, module in IMAGE_TOWER_NAMES.items()
}
DETECTORS = ("owlvit", "owlv2")
"""What stands before the names of towers in files of detectors."""
HEADS = {
    f"{head}_head.dense{number}": f"{head}_head.layers.{number}"
    for head in ("box", "objectness")
    for number in range(3)
}
OLD_GRID = "box_bias"
"""A table that is computed, in files of the first versions."""


def _alone(side: str) -> WeightNames:
    """Return how a tower by itself is called in files of detectors."""
    return WeightNames(foreign={f"{detector}.{side}": side for detector in DETECTORS})


@functools.cache
def text_names(module: str = "") -> WeightNames:
    """Return the names of the tower of texts at a path, or of the whole model."""
    names = tower_names(TEXT_TOWER_NAMES, "text_model", module)
    return names if module else names | _alone("text_model")


@functools.cache
def image_names(module: str = "") -> WeightNames:
    """Return the names of the tower of images at a path, or of the whole model."""
    names = tower_names(IMAGE_NAMES, "vision_model", module)
    return names if module else names | _alone("vision_model")


@functools.cache
def pair_names() -> WeightNames:
    """Return the names of both towers together."""
    return text_names("text_model") | image_names("vision_model")


@functools.cache
def detector_names(prefix: str) -> WeightNames:
    """Return the names of a detector, whose towers are called ``prefix`` on the hub."""
    heads = WeightNames({**HEADS, "class_head.dense0": "class_head.projection"}, ignored=[OLD_GRID])
    return pair_names().nested(hub=prefix, module="model") | heads
