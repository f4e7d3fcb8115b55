"""A model that ends after some of its decoder's layers, made of the same parts."""

from __future__ import annotations

import copy
from typing import Any

from torch import nn

from automodel_core.errors import GenerationArgumentError
from automodel_core.generation.session.protocol import GenerativeModel
from automodel_core.layers.transformer import TransformerStack

__all__ = ["decoder_depth", "without_upper_layers"]


def decoder_depth(model: GenerativeModel) -> int | None:
    """Return how many layers the decoder has; None if it is not one stack of layers."""
    found = _path_to_decoder(model)
    return None if found is None else len(_part(model, found).layers)


def without_upper_layers(model: GenerativeModel, layers: int) -> Any:
    """Return the model as if its decoder had ``layers`` layers; it shares all weights.

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
    shorter = _twin(_part(model, path))
    shorter.layers = nn.ModuleList(list(shorter.layers)[:layers])
    names = path.split(".")
    for end in range(len(names) - 1, -1, -1):
        parent = _twin(_part(model, ".".join(names[:end])))
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


def _twin(module: nn.Module) -> Any:
    """Return a module with the same parts, whose table of parts is its own."""
    twin = copy.copy(module)
    twin._modules = dict(module._modules)
    return twin
