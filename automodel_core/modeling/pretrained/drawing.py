"""Which weights are drawn: those of a new model, and those that a checkpoint lacks; no others."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from automodel_core.checkpoint.loading.parts import Parts
from automodel_core.checkpoint.loading.placement import Placement
from automodel_core.checkpoint.loading.shards import is_sharded, of_first, sharded_like
from automodel_core.checkpoint.loading.ties import Slot, find_slots
from automodel_core.modeling.pretrained.weighted import WeightedModel

__all__ = ["draw_missing", "draw_new", "keep_weights", "missing_slots"]

DRAWS = frozenset(
    f"{name}_"
    for name in (
        "bernoulli", "cauchy", "exponential", "geometric", "kaiming_normal", "kaiming_uniform",
        "log_normal", "normal", "random", "uniform",
    )
)  # fmt: skip
"""What fills a tensor with random numbers, of `torch.Tensor` and `torch.nn.init`."""
Fingerprint = tuple[int, float]


def draw_new(model: WeightedModel) -> None:
    """Tie weights, and give first values to those that have none but an earlier call's.

    A part that is a model itself, or the model after an earlier call, may have been loaded,
    trained or set by hand meanwhile: a weight that has changed is kept.
    """
    kept = _kept(model)  # before ties bring other weights into the parts
    model.tie_weights()
    with _hidden(model, kept):
        _initialise(model)
    model.first_values = {
        name: None if id(parameter) in kept else _fingerprint(parameter)
        for name, parameter in model.named_parameters(remove_duplicate=False)
    }


def keep_weights(model: WeightedModel, parts: Parts) -> None:
    """Remember that all weights of ``parts`` have values that `draw_new` must not replace."""
    model.first_values = {
        start + leaf: None
        for start, module in parts
        for leaf, weight in module._parameters.items()
        if weight is not None
    }


def missing_slots(model: WeightedModel) -> dict[str, Slot]:
    """Return the weights without memory, each under its first name."""
    slots = find_slots(model).items()
    return {name: slot for name, slot in slots if name == slot.name and slot.tensor.is_meta}


@torch.no_grad()
def draw_missing(
    model: WeightedModel,
    missing: dict[str, Slot],
    placement: Placement,
    build: Callable[[], nn.Module],
) -> None:
    """Give weights without memory the values that they have in a new model.

    The rules of the model's class are tried first. Where they leave a weight as it is, its own
    module or ``__init__`` decides: then ``build`` makes a whole new model, to take it from. The
    processes that share a model out take the first one's values.
    """
    shards = {name: slot.tensor for name, slot in missing.items() if is_sharded(slot.tensor)}
    like = next((tensor for tensor in model.parameters() if is_sharded(tensor)), None)
    for name, shard in shards.items():
        missing[name].hold(nn.Parameter(torch.empty(shard.shape, dtype=shard.dtype, device="meta")))
    _draw(model, missing, placement, build)
    for name, slot in missing.items() if like is not None else ():
        value = of_first(slot.tensor, like)
        if name in shards:
            slot.hold(nn.Parameter(sharded_like(value, shards[name])))
        else:
            slot.put(value)


def _draw(
    model: WeightedModel,
    missing: dict[str, Slot],
    placement: Placement,
    build: Callable[[], nn.Module],
) -> None:
    names = model.own_names()
    loaded = {id(p) for p in model.parameters() if not p.is_meta}
    for name, slot in missing.items():
        if slot.is_parameter:
            kind = slot.tensor.dtype
            dtype = placement.dtype(name, kind, kind)
            device = placement.device(name, names.to_hub(name).name)
            empty = math.nan if dtype.is_floating_point else 0
            slot.put(torch.full(slot.tensor.shape, empty, dtype=dtype, device=device))
    if all(slot.is_parameter for slot in missing.values()):
        with _hidden(model, loaded):
            _initialise(model)
        missing = {n: slot for n, slot in missing.items() if not _is_written(slot.tensor)}
    if missing:
        new = build()
        for name, slot in missing.items():
            get = new.get_parameter if slot.is_parameter else new.get_buffer
            slot.put(get(name).detach())


def _is_written(weight: Tensor) -> bool:
    return weight.is_floating_point() and not bool(weight.isnan().any())


@torch.no_grad()
def _initialise(model: WeightedModel) -> None:
    """Apply the rules for first values, parts before wholes.

    A module follows the rules of the innermost model that it is a part of.
    """
    owners: dict[str, WeightedModel] = {}
    for path, module in model.named_modules():
        inside = owners.get(path.rpartition(".")[0], model)
        owners[path] = module if isinstance(module, WeightedModel) else inside
    with _NoDrawsWithoutMemory():
        for path, module in reversed(list(model.named_modules())):
            owners[path]._init_weights(module)


class _NoDrawsWithoutMemory(TorchFunctionMode):
    """Leave weights without memory as they are: torch would import its compiler to draw them."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if func.__name__ in DRAWS:
            drawn = args[0] if args else kwargs["tensor"]
            if drawn.is_meta:
                return drawn
        return func(*args, **kwargs)


@contextmanager
def _hidden(model: nn.Module, kept: Collection[int]) -> Iterator[None]:
    """Replace parameters by tensors without memory meanwhile, on which writing does nothing.

    A rule may write every parameter of its module and of the parts inside. ``kept`` holds the
    parameters' ``id``.
    """
    hidden: list[tuple[nn.Module, str, nn.Parameter]] = []
    for module in model.modules() if kept else ():
        for leaf, parameter in list(module._parameters.items()):
            if parameter is not None and id(parameter) in kept:
                hidden.append((module, leaf, parameter))
                weight = torch.empty(parameter.shape, dtype=parameter.dtype, device="meta")
                empty = nn.Parameter(weight, requires_grad=False)
                module._parameters[leaf] = empty
    try:
        yield
    finally:
        for module, leaf, parameter in hidden:
            module._parameters[leaf] = parameter


def _kept(model: WeightedModel) -> set[int]:
    """Return the ``id`` of the parameters that have other values than their first ones."""
    kept, known = set(), set()
    for part in model.modules():
        if not isinstance(part, WeightedModel) or part.first_values is None:
            continue
        for name, parameter in part.named_parameters(remove_duplicate=False):
            # What a class adds after the constructor of its base is new.
            is_new = part is model and name not in part.first_values
            if is_new or id(parameter) in known:
                continue
            known.add(id(parameter))
            if part.first_values.get(name) != _fingerprint(parameter):
                kept.add(id(parameter))
    return kept


def _fingerprint(parameter: nn.Parameter) -> Fingerprint:
    """Return what changes with the values: ``.data`` is written to without a new version."""
    version = 0 if parameter.is_inference() else parameter._version
    has_values = type(parameter.data) is Tensor and not parameter.is_meta
    return version, parameter.detach().sum().item() if has_values else 0.0
