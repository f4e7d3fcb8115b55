"""Weights of a checkpoint that a model does not use: which of them its user should hear of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from automodel_core.modeling.pretrained.weighted import WeightedModel

__all__ = ["notable_leftovers"]


def notable_leftovers(model: WeightedModel, unexpected: Iterable[str]) -> list[str]:
    """Return the unexpected weights that belong to the model, such as layers beyond its number.

    Optional parts of a body, and heads of the class that the checkpoint was saved from, are none.
    """
    names = list(unexpected)
    if not names:
        return []
    table = model.own_names()
    tops = {_top(table.to_hub(name).name) for name, _ in model.named_parameters()}
    saved_from = model.config.architectures
    is_own = not saved_from or type(model).__name__ in saved_from
    body = f"{model.body}." if model.body else ""

    def is_notable(name: str) -> bool:
        for candidate in _spellings(name, model.base_model_prefix):
            for module in table.to_module(candidate):
                if module.startswith(body) and _top(candidate) in tops:
                    return model.needs(module)
        return is_own

    return [name for name in names if is_notable(name)]


def _top(name: str) -> str:
    return name.partition(".")[0]


def _spellings(name: str, prefix: str) -> Iterator[str]:
    """Yield a name as it is, and as a model with a head or a body alone has it."""
    yield name
    if prefix:
        yield f"{prefix}.{name}"
        yield name.removeprefix(f"{prefix}.")
