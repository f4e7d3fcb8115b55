"""A model with only the lower layers of its decoder, which shares all weights."""

from __future__ import annotations

import copy
from typing import TypeVar, cast

from torch import nn

from automodel_core.errors import GenerationArgumentError
from automodel_core.generation.session.protocol import GenerativeModel
from automodel_core.layers.stack import TransformerStack

__all__ = ["decoder_depth", "decoder_stack", "without_upper_layers"]

Module = TypeVar("Module", bound=nn.Module)


def decoder_depth(model: GenerativeModel) -> int | None:
    """Return how many layers the decoder has; None if it is not one stack of layers."""
    found = decoder_stack(model)
    return None if found is None else len(found[1].layers)


def without_upper_layers(model: GenerativeModel, layers: int) -> GenerativeModel:
    """Return the model with the lower ``layers`` layers of its decoder, sharing all weights.

    Raise `GenerationArgumentError` if the decoder is not a stack of more layers.
    """
    found = decoder_stack(model)
    if found is None:
        raise GenerationArgumentError(
            f"{type(model).__name__} cannot end early: its decoder is not one stack of layers"
        )
    path, stack = found
    if not 0 < layers < len(stack.layers):
        raise GenerationArgumentError(
            f"assistant_early_exit={layers} must be at least 1 and below the {len(stack.layers)} "
            f"layers of the decoder of {type(model).__name__}"
        )
    shorter = _shallow_copy(stack)
    shorter.layers = stack.layers[:layers]
    changed: nn.Module = shorter
    names = path.split(".")
    for end in range(len(names) - 1, -1, -1):
        parent = _shallow_copy(cast(nn.Module, model).get_submodule(".".join(names[:end])))
        parent._modules[names[end]] = changed
        changed = parent
    return cast(GenerativeModel, changed)


def decoder_stack(model: GenerativeModel) -> tuple[str, TransformerStack] | None:
    """Return the name and the module of the decoder's layers, if they are one stack."""
    if not isinstance(model, nn.Module):
        return None
    stacks = [(name, m) for name, m in model.named_modules() if isinstance(m, TransformerStack)]
    if model.config.is_encoder_decoder:
        encoding = set(model.get_encoder().modules())
        stacks = [(name, stack) for name, stack in stacks if stack not in encoding]
    return stacks[0] if len(stacks) == 1 else None


def _shallow_copy(module: Module) -> Module:
    """Return a module with the same submodules, in a table of its own."""
    copied = copy.copy(module)
    copied._modules = dict(module._modules)
    return copied
