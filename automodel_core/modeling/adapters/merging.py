"""Take adapters off a model: with what they have learnt in its weights, or without."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from torch import nn

from automodel_core.modeling.adapters.targets import Adaptable, without_adapter

__all__ = ["merge_adapters", "remove_adapters"]


def merge_adapters(model: Adaptable, names: Sequence[str] | None = None) -> None:
    """Add adapters, by default the active ones, to the weights, and take them off.

    A layer that has an adapter and shares its weight, as an output layer tied to the embeddings,
    gets a weight of its own first: else the other layer would change too.
    """
    _untie_adapted(model)

    def merged(part: Any) -> nn.Module:
        if "base_layer" in part._modules:
            part.merge(adapter_names=names)
            return without_adapter(part)
        plain: nn.Module = part.unload_and_optionally_merge_module(
            merge=True, safe_merge=False, adapter_names=names
        )
        return plain

    _replace(model, merged)


def remove_adapters(model: Adaptable) -> None:
    """Take all adapters off, so that the model is as it was before them."""
    _replace(model, without_adapter)


def _replace(model: Adaptable, plain: Callable[[nn.Module], nn.Module]) -> None:
    for path, part in list(_wrapped(model)):
        parent, _, leaf = path.rpartition(".")
        setattr(model.get_submodule(parent), leaf, plain(part))
    vars(model).pop("peft_config", None)


def _wrapped(module: nn.Module, path: str = "") -> Iterator[tuple[str, nn.Module]]:
    """Yield the modules that the package has put around one of the model's, with their paths."""
    for name, part in module._modules.items():
        if part is None:
            continue
        inside = f"{path}.{name}" if path else name
        if without_adapter(part) is part:
            yield from _wrapped(part, inside)
        else:
            yield inside, part


def _untie_adapted(model: Adaptable) -> None:
    """Give layers with adapters weights of their own, and record it in the configuration."""
    holders = Counter(
        id(weight)
        for part in model.modules()
        if (weight := part._parameters.get("weight")) is not None
    )
    for path, part in _wrapped(model):
        layer = part._modules.get("base_layer")
        weight = None if layer is None else layer._parameters.get("weight")
        if layer is not None and weight is not None and holders[id(weight)] > 1:
            layer.weight = nn.Parameter(weight.detach().clone(), weight.requires_grad)
            model.untie([f"{path}.weight"])
