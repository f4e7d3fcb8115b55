"""Build a model for a checkpoint without memory, within bounds that its files set.

A ``config.json`` may say anything. While a model is built, what it asks for is compared with what
the files hold: a wrong number of layers is found after a moment, and nothing is computed whose size
has no relation to theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import prod
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from automodel_core.checkpoint.formats.header import TensorInfo
from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import AutomodelError, ConfigurationError, located, shown

__all__ = ["broadcast", "build_on_meta"]

Model = TypeVar("Model", bound=nn.Module)

_MOST_TENSORS = 4_000, 8
"""How many tensors may be made: some for every model, and some for each that the files hold."""
_MOST_BYTES = 64 * 2**20, 4
"""How large a tensor in memory may be: some bytes for every model, and some for each byte."""
_UNUSABLE = (ValueError, AssertionError, ArithmeticError, MemoryError)
"""What parts of models raise for numbers that they cannot be built with."""


def build_on_meta(
    model_class: Callable[..., Model],
    config: PreTrainedConfig,
    weights: Mapping[str, TensorInfo | Tensor],
    arguments: Sequence[Any] = (),
    options: Mapping[str, Any] | None = None,
) -> Model:
    """Return a model on the meta device, for ``weights`` by hub name.

    Raises `ConfigurationError` that names the largest numbers of ``config`` if these ask for a
    model that no such checkpoint belongs to, or for none at all.
    """
    place = config._name_or_path
    try:
        with located("config.json", place), torch.device("meta"), _Bounds(weights):
            return model_class(config, *arguments, **(options or {}))
    except (_OutOfBoundsError, *_UNUSABLE) as error:
        if isinstance(error, AutomodelError):
            raise
        where = f"config.json of {shown(place)}" if place else type(config).__name__
        reason = (
            str(error)
            if isinstance(error, _OutOfBoundsError)
            else f"{type(error).__name__}: {error}"
        )
        raise ConfigurationError(
            f"{where} describes no model that can be built: {reason}. Its largest numbers are "
            f"{', '.join(f'{key}={number}' for key, number in _largest(config.to_dict()))}"
        ) from error


def _largest(values: Mapping[str, Any], count: int = 3) -> list[tuple[str, int]]:
    """Return the keys of the largest whole numbers, and those; parts' keys are dotted."""
    found = list(_numbers(values))
    return sorted(found, key=lambda pair: -abs(pair[1]))[:count]


def _numbers(values: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    for key, value in values.items():
        if isinstance(value, Mapping) and key not in ("id2label", "label2id"):
            yield from ((f"{key}.{inner}", number) for inner, number in _numbers(value))
        elif isinstance(value, int) and not isinstance(value, bool):
            yield key, value


class _OutOfBoundsError(Exception):
    """What is built has no relation to the checkpoint."""


class _Bounds(TorchFunctionMode):
    """Counts the tensors that are made, and weighs those in memory before they are."""

    def __init__(self, weights: Mapping[str, TensorInfo | Tensor]) -> None:
        super().__init__()
        some, each = _MOST_TENSORS
        self.tensors_left = some + each * len(weights)
        some, each = _MOST_BYTES
        self.most_bytes = some + each * sum(info.nbytes for info in weights.values())

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func.__name__ == "__get__":  # an attribute is read, hundreds of times for each load
            return func(*args)
        kwargs = kwargs or {}
        given = [arg for arg in args if isinstance(arg, Tensor)]
        if kwargs.get("device") is not None:
            self._check(_shape_made(func, args, kwargs))
        elif not all(tensor.is_meta for tensor in given):
            self._check(broadcast([tensor.shape for tensor in given]))
        try:
            result = func(*args, **kwargs)
        except (TypeError, RuntimeError) as error:
            if given:
                raise
            raise _OutOfBoundsError(f"a size cannot be used ({error})") from error
        if isinstance(result, Tensor | list):
            self.tensors_left -= len(result) if isinstance(result, list) else 1
            if self.tensors_left < 0:
                raise _OutOfBoundsError(
                    "it has many times the weights that the checkpoint holds, as if it had "
                    "other layers"
                )
        return result

    def _check(self, shape: Sequence[int]) -> None:
        """Raise if a tensor in memory of this shape would be too large."""
        if prod(shape) * 8 > self.most_bytes:
            raise _OutOfBoundsError(f"a table of {list(shape)} numbers is to be computed")


def broadcast(shapes: Sequence[Sequence[int]]) -> Sequence[int]:
    """Return the shape that tensors have when combined one by one; none, if they do not fit.

    ``torch.broadcast_shapes`` imports a package for formulas, which takes longer than a load.
    """
    rank = max(map(len, shapes), default=0)
    columns = zip(*((1,) * (rank - len(shape)) + tuple(shape) for shape in shapes), strict=True)
    sizes = [{*column} - {1} for column in columns]
    return [] if any(len(each) > 1 for each in sizes) else [max(each, default=1) for each in sizes]


_BY_SHAPE = (torch.empty, torch.ones, torch.rand, torch.randn, torch.zeros)


def _shape_made(
    func: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Sequence[int]:
    """Return the shape that a function makes a tensor of, by its arguments; if not known, none.

    To ask the function itself on the meta device would import half of torch's compiler.
    """
    numbers = [arg for arg in args if isinstance(arg, int | float)]
    if func is torch.arange and numbers:
        start, end, step = (0, *numbers, 1) if len(numbers) == 1 else (*numbers, 1)[:3]
        return (abs(int((end - start) / step)) + 1,)
    if func in (torch.linspace, torch.logspace):
        return (kwargs["steps"] if "steps" in kwargs else args[2],)
    if func in _BY_SHAPE or func is torch.full:
        given = kwargs.get("size", args)
        shape: Any = given[0] if given and isinstance(given[0], list | tuple) else given
        return [edge for edge in shape if isinstance(edge, int)]
    return (0,)
