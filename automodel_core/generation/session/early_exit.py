"""A model with only the lower layers of its decoder, which shares all weights."""

from __future__ import annotations

import copy
from typing import Any

from torch import nn

from automodel_core.errors import GenerationArgumentError
from automodel_core.generation.session.protocol import GenerativeModel
from automodel_core.layers.stack import TransformerStack

__all__ = ["decoder_depth", "without_upper_layers"]


def decoder_depth(model: GenerativeModel) -> int | None:
    """Return how many layers the decoder has; None if it is not one stack of layers."""
    path = _path_to_decoder(model)
    return None if path is None else len(_part(model, path).layers)


def without_upper_layers(model: GenerativeModel, layers: int) -> Any:
    """Return the model with the lower ``layers`` layers of its decoder, sharing all weights.

    Raise `GenerationArgumentError` if the decoder is not a stack of more layers.
    """
    path, depth = _path_to_decoder(model), decoder_depth(model)
    if path is None or depth is None:
        raise GenerationArgumentError(
            f"{type(model).__name__} cannot end early: its decoder is not one stack of layers"
        )
    if not 0 < layers < depth:
        raise GenerationArgumentError(
            f"assistant_early_exit={layers} must be at least 1 and below the {depth} layers of "
            f"the decoder of {type(model).__name__}"
        )
    shorter = _shallow_copy(_part(model, path))
    shorter.layers = nn.ModuleList(list(shorter.layers)[:layers])
    names = path.split(".")
    for end in range(len(names) - 1, -1, -1):
        parent = _shallow_copy(_part(model, ".".join(names[:end])))
        parent._modules[names[end]] = shorter
        shorter = parent
    return shorter


def _path_to_decoder(model: Any) -> str | None:
    """Return the name of the module that holds the decoder's layers."""
    stacks = {name: m for name, m in model.named_modules() if isinstance(m, TransformerStack)}
    if model.config.is_encoder_decoder:
        encoding = set(model.get_encoder().modules())
        stacks = {name: stack for name, stack in stacks.items() if stack not in encoding}
    return next(iter(stacks)) if len(stacks) == 1 else None


def _part(model: Any, path: str) -> Any:
    return model.get_submodule(path)


def _shallow_copy(module: nn.Module) -> Any:
    """Return a module with the same submodules, in a table of its own."""
    copied = copy.copy(module)
    copied._modules = dict(module._modules)
    return copied
