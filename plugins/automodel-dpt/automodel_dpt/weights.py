"""The hub's names of DPT's weights, and the modules that hold them."""

from __future__ import annotations

from automodel_core import modeling
from automodel_core.checkpoint import WeightNames
from automodel_core.families.vit import VIT_NAMES
from automodel_dpt.configuration import DPTConfig


def body_names(config: DPTConfig) -> WeightNames:
    """Return the names of the body by itself; a hybrid's holds a backbone."""
    names = WeightNames(VIT_NAMES)
    if config.is_hybrid:
        names |= modeling.backbone_names(config, "embeddings.backbone")
    return names


def dpt_names(config: DPTConfig, body: str, *, is_on_backbone: bool) -> WeightNames:
    """Return the names of a body, or of a head around the body at that path or a backbone."""
    if not body:
        return body_names(config)
    if is_on_backbone:
        return modeling.backbone_names(config)
    return body_names(config).nested(body, body)
