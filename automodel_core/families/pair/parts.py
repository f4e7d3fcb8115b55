"""Which classes the two sides of a composite have."""

from __future__ import annotations

import inspect
from typing import Any

from automodel_core import registry
from automodel_core.modeling.heads.parts import Pooler
from automodel_core.modeling.pretrained.base import PreTrainedModel

__all__ = [
    "SIDE_CLASSES",
    "decoder_class",
    "encoder_class",
    "new_encoder",
    "poolers",
    "takes_pooler",
]

WITH_POOLER = "add_pooling_layer"
"""The argument of a body's ``__init__`` that says whether it has a pooler."""


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


def new_encoder(config: Any, with_pooler: bool) -> PreTrainedModel:
    """Return an encoder with new weights, without a pooler if it can be made so and is to be."""
    kind = encoder_class(config)
    return (
        kind(config)
        if with_pooler or not takes_pooler(kind)
        else kind(config, **{WITH_POOLER: False})
    )


def takes_pooler(encoder: type[PreTrainedModel]) -> bool:
    """Return whether an encoder can be made with and without a pooler."""
    return WITH_POOLER in inspect.signature(encoder.__init__).parameters


def poolers(encoder: PreTrainedModel) -> list[Pooler]:
    """Return the poolers of an encoder."""
    return [module for module in encoder.modules() if isinstance(module, Pooler)]
