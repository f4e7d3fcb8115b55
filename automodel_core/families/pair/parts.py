"""Which classes the two sides of a composite have."""

from __future__ import annotations

from typing import Any

from automodel_core import registry
from automodel_core.modeling.pretrained.base import PreTrainedModel

__all__ = ["SIDE_CLASSES", "decoder_class", "encoder_class"]


def encoder_class(config: Any, plugin: str | None = None) -> type[PreTrainedModel]:
    """Return the class of an architecture's encoder: its body, or one that is an encoder alone."""
    task = (
        "text-encoding"
        if registry.architectures.serves(config, "text-encoding", plugin=plugin)
        else "base"
    )
    return registry.architectures.model_class(config, task, plugin=plugin)


def decoder_class(config: Any, plugin: str | None = None) -> type[PreTrainedModel]:
    """Return the class of an architecture's decoder with a language-modelling head."""
    return registry.architectures.model_class(config, "causal-lm", plugin=plugin)


SIDE_CLASSES = {"encoder": encoder_class, "decoder": decoder_class}
