"""Comparing a model with the same model of the reference implementation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from automodel_core.checkpoint.names.table import WeightNames

__all__ = [
    "assert_close",
    "assert_same_gradients",
    "assert_same_outputs",
    "randomise",
    "reload",
    "usual_name",
]

TOLERANCE = 1e-5
OTHER_NAMES = {"cache_params": "past_key_values"}
"""Fields that some models of the reference name otherwise than all others."""


@torch.no_grad()
def randomise(model: nn.Module, seed: int = 0, spread: float = 0.2) -> None:
    """Draw every parameter, biases and norms too, so that nothing is 0 or 1 by chance."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        parameter.normal_(0.0, spread, generator=generator)
    for module in model.modules():
        if isinstance(module, nn.LayerNorm):
            module.weight.add_(1.0)


def assert_close(ours: Any, theirs: Any, name: str = "", floor: float = 1e-3) -> None:
    """Compare tensors, or tuples of tensors, by the largest number of the reference's."""
    if isinstance(theirs, tuple | list):
        assert len(ours) == len(theirs), name
        for index, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
            assert_close(mine, other, f"{name}[{index}]", floor)
        return
    assert isinstance(ours, Tensor), f"{name} is {ours!r}"
    assert ours.shape == theirs.shape, f"{name}: {tuple(ours.shape)}, not {tuple(theirs.shape)}"
    if not theirs.numel():
        return
    difference = (ours - theirs).abs().max().item()
    allowed = TOLERANCE * max(theirs.abs().max().item(), floor)
    assert difference <= allowed, f"{name} differs by {difference:.2e}, allowed are {allowed:.2e}"


def assert_same_outputs(ours: Any, theirs: Any) -> None:
    """Compare what two calls returned, field by field; a field that holds nothing is none."""
    expected = {
        OTHER_NAMES.get(key, key): value for key, value in theirs.items() if not _is_empty(value)
    }
    assert set(ours.keys()) == set(expected)
    for key in expected.keys() - {"past_key_values"}:
        if isinstance(expected[key], Mapping):  # the output of a part
            assert_same_outputs(ours[key], expected[key])
        else:
            assert_close(ours[key], expected[key], key)


def _is_empty(value: Any) -> bool:
    return isinstance(value, tuple) and not value


def assert_same_gradients(ours: Any, theirs: nn.Module) -> None:
    """Compare the gradients of all parameters, by the hub's names.

    Some are zero but for rounding, so the largest gradient of all bounds the error from below.
    """
    expected, found = (
        {n: p.grad for n, p in model.named_parameters(remove_duplicate=False) if p.grad is not None}
        for model in (theirs, ours)
    )
    names = ours.weight_names(ours.config)
    found = names.hub_state_dict(found)
    expected = {usual_name(names, name, found): gradient for name, gradient in expected.items()}
    twice = {*names.copies, *names.copies.values()}  # of two names the reference uses one
    assert found.keys() - twice == expected.keys() - twice
    assert expected.keys() <= found.keys()
    largest = max(gradient.abs().max().item() for gradient in expected.values())
    for name, gradient in expected.items():
        assert_close(found[name], gradient, f"gradient of {name}", floor=0.1 * largest)


def usual_name(names: WeightNames, name: str, known: Mapping[str, Any]) -> str:
    """Return the hub's name for one that the reference has in memory alone.

    A part that is a whole model may have its names there without the prefix that the hub has.
    """
    if name in known:
        return name
    spelled = (usual for usual in names.spellings(name) if usual in known)
    prefixed = (usual for usual in known if usual.endswith(f".{name}"))
    return next(spelled, next(prefixed, name))


def reload(model: nn.Module, folder: Path, model_class: Any, **options: Any) -> Any:
    """Save a model into a folder and load it as a class of the other implementation."""
    model.save_pretrained(folder)
    return model_class.from_pretrained(folder, **options)
