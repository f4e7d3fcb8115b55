"""A stack of layers, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any, TypeVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.graph import save_on_cpu
from torch.overrides import handle_torch_function, has_torch_function
from torch.utils.checkpoint import checkpoint

from automodel_core.layers.caches.base import Cache, LayerCache
from automodel_core.layers.caches.key_view import Mask
from automodel_core.layers.kernels.decode_steps import (
    may_prepare,
    own_step,
    prepare_norm,
)
from automodel_core.layers.kernels.linear import has_hooks
from automodel_core.layers.kernels.shares import rows_at_once
from automodel_core.layers.parts import LayerInputs, LayerStep, StackLayer, Weights
from automodel_core.layers.positions.rotary import Rotation

__all__ = [
    "LayerStack",
    "Recomputing",
    "SharedLayerStack",
    "StackOutput",
    "TransformerStack",
    "drop_path",
    "drop_path_rates",
    "finite",
    "repeated",
]

Layer = TypeVar("Layer", bound=nn.Module)


@dataclass
class StackOutput:
    """What a stack returns; the tuples are ``None`` unless asked for."""

    last_hidden_state: Tensor
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None
    cross_attentions: tuple[Tensor, ...] | None = None


@dataclass(frozen=True)
class Recomputing:
    """How gradient checkpointing computes states again.

    ``options`` are those of `torch.utils.checkpoint.checkpoint`. With ``offload`` what is kept lies
    in the CPU's memory. Layers in ``excepted`` keep their states.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    offload: bool = False
    excepted: frozenset[nn.Module] = frozenset()

    def run(self, layer: nn.Module, *states: Any, **arguments: Any) -> Any:
        if layer in self.excepted:
            return layer(*states, **arguments)
        pinned = torch.cuda.is_available()
        with save_on_cpu(pin_memory=pinned) if self.offload else nullcontext():
            return checkpoint(
                layer, *states, **{"use_reentrant": False, **self.options, **arguments}
            )


class LayerStack(nn.Module):
    """Layers whose inner states training may compute again instead of keeping them."""

    def __init__(self) -> None:
        super().__init__()
        self.gradient_checkpointing = False
        self.recomputing = Recomputing()

    def run(self, layer: nn.Module, *states: Any, **arguments: Any) -> Any:
        """Call a layer; with gradient checkpointing, what enters it is all that is kept."""
        if self.gradient_checkpointing and self.training:
            return self.recomputing.run(layer, *states, **arguments)
        return layer(*states, **arguments)

    def listed_layers(self) -> Iterator[nn.Module]:
        """Yield the layers, in their order."""
        for part in self.children():
            if isinstance(part, nn.ModuleList):
                yield from part


class TransformerStack(LayerStack):
    """Layers in turn, then a norm (if given) and dropout; keeps what the caller asks to see.

    ``hidden_states`` holds what enters each layer and, last, what leaves the stack. In training a
    layer is left out with probability ``layerdrop`` (https://arxiv.org/abs/1909.11556). Gradient
    checkpointing stands back where there is a cache, which a second pass over a layer would fill
    twice.
    """

    def __init__(
        self,
        layers: Sequence[StackLayer],
        norm: nn.Module | None = None,
        dropout: float = 0.0,
        layerdrop: float = 0.0,
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(cast("Sequence[nn.Module]", layers))
        self.norm = norm
        self.dropout = dropout
        self.layerdrop = layerdrop

    def forward(
        self,
        hidden_states: Tensor,
        mask: Mask | list[Mask] = None,
        *,
        rotation: Rotation | list[Rotation | None] | None = None,
        cache: Cache | None = None,
        context: Tensor | None = None,
        context_mask: Tensor | None = None,
        output_attentions: bool = False,
        output_hidden_states: bool | Collection[int] = False,
    ) -> StackOutput:
        """Run ``(batch, length, hidden_size)`` through the layers.

        ``mask`` and ``rotation`` are the same for all layers, or lists with one for each.
        ``output_hidden_states`` may be the numbers of the states that are kept: what enters layer
        0 is 0, and what leaves the stack has the number of layers.
        """
        if cache is not None:
            self.open(cache)
        inputs = self._inputs(hidden_states, mask, rotation, cache, (context, context_mask))
        wants_more = output_attentions or bool(output_hidden_states)
        count = len(self.in_turn())
        kept = range(count + 1) if output_hidden_states is True else output_hidden_states or ()
        if cache is not None and not wants_more and self._may_use_steps(hidden_states, cache):
            return StackOutput(self._decode(hidden_states, inputs, cache))
        if cache is None and not wants_more and self._may_share_out(hidden_states, inputs):
            return StackOutput(self._in_shares(hidden_states, inputs))

        states: list[Tensor] = []
        weights: list[Weights] = []
        for index, layer in enumerate(self.in_turn()):
            if index in kept:
                states.append(hidden_states)
            if self.training and self.layerdrop > 0.0 and torch.rand([]) < self.layerdrop:
                continue
            shown = {"output_attentions": output_attentions}
            hidden_states, seen = (
                self.run(layer, hidden_states, inputs[index], **shown)
                if cache is None
                else layer(hidden_states, inputs[index], cache=cache.layers[index], **shown)
            )
            weights.append(seen)
        hidden_states = self._finish(hidden_states)
        if count in kept:
            states.append(hidden_states)
        return StackOutput(
            hidden_states,
            hidden_states=tuple(states) if output_hidden_states else None,
            attentions=_collected(weights, 0) if output_attentions else None,
            cross_attentions=_collected(weights, 1)
            if output_attentions and context is not None
            else None,
        )

    def in_turn(self) -> Sequence[nn.Module]:
        """Return the layers as they run, one after the other."""
        return cast("Sequence[nn.Module]", self.layers)

    def open(self, cache: Cache) -> None:
        """Let a cache hold the state, still empty, of each layer that it does not know yet."""
        cache.add_layers(cast("Sequence[StackLayer]", self.in_turn()))

    def _inputs(
        self,
        hidden_states: Tensor,
        mask: Mask | list[Mask],
        rotation: Rotation | list[Rotation | None] | None,
        cache: Cache | None,
        context: tuple[Tensor | None, Tensor | None],
    ) -> list[LayerInputs]:
        """Return what each layer is handed; neighbours with the same share one object."""
        count = len(self.in_turn())
        masks = mask if isinstance(mask, list) else [mask] * count
        rotations = rotation if isinstance(rotation, list) else [rotation] * count
        inputs: list[LayerInputs] = []
        for index in range(count):
            state, before = None if cache is None else cache.layers[index].state, index - 1
            if (
                index
                and masks[index] is masks[before]
                and rotations[index] is rotations[before]
                and (cache is None or type(state) is type(cache.layers[before].state))
            ):
                inputs.append(inputs[before])
                continue
            mask = masks[index] if state is None else state.fit(masks[index], hidden_states)
            inputs.append(LayerInputs(mask, rotations[index], *context))
        return inputs

    def _finish(self, hidden_states: Tensor) -> Tensor:
        if self.norm is not None:
            hidden_states = self.norm(hidden_states)
        return F.dropout(hidden_states, self.dropout, self.training)

    def _may_share_out(self, hidden_states: Tensor, inputs: list[LayerInputs]) -> bool:
        """Return whether a batch may go through the layers some rows at a time, and should."""
        rows = hidden_states.shape[0]
        return (
            not self.training
            and rows_at_once(hidden_states) < rows
            and all(given.is_by_row(rows) for given in inputs)
            and not any(map(has_hooks, self.modules()))
        )

    def _in_shares(self, hidden_states: Tensor, inputs: list[LayerInputs]) -> Tensor:
        """Run a batch through the layers in shares of its rows, as even as they can be."""
        count, outputs, start = -(-len(hidden_states) // rows_at_once(hidden_states)), [], 0
        for states in hidden_states.tensor_split(count):
            end = start + len(states)
            for layer, given in zip(self.in_turn(), inputs, strict=True):
                states, _ = layer(states, given.of_rows(start, end))
            outputs.append(self._finish(states))
            start = end
        return torch.cat(outputs)

    def _may_use_steps(self, hidden_states: Tensor, cache: Cache) -> bool:
        one_token = hidden_states.shape[1] == 1
        return one_token and not self.training and may_prepare(hidden_states, cache)

    def _decode(self, hidden_states: Tensor, inputs: list[LayerInputs], cache: Cache) -> Tensor:
        """Run one new token a row through the layers' decode steps."""
        rows = len(hidden_states)
        key = (self, rows)
        if key not in cache.memo:
            steps = [layer_step(layer, rows) for layer in self.in_turn()]
            cache.memo[key] = steps, None if self.norm is None else prepare_norm(self.norm)
        steps, norm = cache.memo[key]
        states = hidden_states.view(rows, -1)
        for step, given, layer in zip(steps, inputs, cache.layers, strict=False):
            states = step(states, given, layer)
        return (states if norm is None else norm(states))[:, None]


class SharedLayerStack(TransformerStack):
    """A stack that runs a layer more than once (https://arxiv.org/abs/1909.11942).

    ``order`` has the number of the layer that runs in each turn.
    """

    def __init__(
        self, layers: Sequence[StackLayer], order: Sequence[int], norm: nn.Module | None = None
    ) -> None:
        super().__init__(layers, norm)
        self.order = tuple(order)

    def in_turn(self) -> Sequence[nn.Module]:
        return [self.layers[index] for index in self.order]


def repeated(make: Callable[[], Layer], count: int) -> list[Layer]:
    """Return so many layers of one recipe, each with parts and weights of its own.

    Where weights have no memory, as while a model is loaded, the layers behind the first are copies
    of it, made in a third of the time, if it holds nothing but weights, parts, plain values, and
    methods of parts. So the recipe must not give the layers a part to share.
    """
    if count < 1:
        return []
    first = make()
    modules: list[nn.Module] = list(first.modules())
    held = [weight for module in modules for weight in module._parameters.values()]
    weights = [weight for weight in held if weight is not None]
    if weights and all(map(_can_be_copied, modules)):
        return [first, *(_copied(first, modules, weights) for _ in range(count - 1))]
    return [first, *(make() for _ in range(count - 1))]


def _can_be_copied(module: nn.Module) -> bool:
    others = [value for key, value in vars(module).items() if key not in _HELD]
    return all(_is_plain(value) or _is_method_of_part(value, module) for value in others) and all(
        weight is None or (type(weight) is nn.Parameter and weight.is_meta)
        for weight in module._parameters.values()
    )


_HELD = "_parameters", "_modules"
_PLAIN = (type(None), bool, int, float, str, BuiltinFunctionType, type, torch.dtype)


def _is_plain(value: object) -> bool:
    """Return whether a value is the same for all layers."""
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    if isinstance(value, tuple | set):
        return all(map(_is_plain, value))
    if isinstance(value, partial):
        return _is_plain((value.func, value.args, value.keywords))
    if isinstance(value, FunctionType):
        return value.__closure__ is None
    return isinstance(value, _PLAIN)


def _is_method_of_part(value: object, module: nn.Module) -> bool:
    if not isinstance(value, MethodType):
        return False
    return any(part is value.__self__ for part in module.modules() if part is not module)


def _copied(first: Layer, modules: Sequence[nn.Module], weights: Sequence[nn.Parameter]) -> Layer:
    """Return a copy of a layer; ``modules`` are it and its parts, wholes before theirs."""
    copies: dict[int, Any] = dict(zip(map(id, weights), _weights_like(weights), strict=True))
    for module in reversed(modules):
        copies[id(module)] = _with_parts(module, copies)
    copied: Layer = copies[id(first)]
    return copied


def _with_parts(module: nn.Module, copies: Mapping[int, Any]) -> nn.Module:
    """Return a module like another, with the copies of its weights and parts."""
    copied = type(module).__new__(type(module))
    state = vars(copied)
    for key, value in vars(module).items():
        if isinstance(value, MethodType):
            state[key] = MethodType(value.__func__, copies[id(value.__self__)])
        else:
            state[key] = value.copy() if isinstance(value, dict | set) else value
    for key in _HELD:
        state[key] = {name: copies.get(id(part)) for name, part in state[key].items()}
    return copied


def _weights_like(weights: Sequence[nn.Parameter]) -> list[nn.Parameter]:
    """Return weights without memory; a mode of torch that counts what is made sees this as a call.

    On the meta device a tensor that is detached is as good as a new one.
    """
    if has_torch_function(weights[:1]):
        counted: list[nn.Parameter] = handle_torch_function(_weights_like, weights[:1], weights)
        return counted
    return [nn.Parameter(weight.detach(), weight.requires_grad) for weight in weights]


def drop_path(added: Tensor, rate: float, training: bool) -> Tensor:
    """Leave out what a layer adds to some rows, in training (https://arxiv.org/abs/1603.09382)."""
    if rate == 0.0 or not training:
        return added
    drawn = torch.rand(len(added), *[1] * (added.dim() - 1), dtype=added.dtype, device=added.device)
    return added / (1 - rate) * (drawn + 1 - rate).floor()


def finite(states: Tensor) -> Tensor:
    """Return states without infinities, which half precision has soon."""
    if states.dtype != torch.float16:
        return states
    largest = torch.finfo(torch.float16).max
    return states.clamp(-largest, largest)


def drop_path_rates(last: float, count: int) -> list[float]:
    """Return the rates of layers in turn: none for the first, and ``last`` for the last."""
    rates: list[float] = torch.linspace(0, last, count, device="cpu").tolist()
    return rates


def layer_step(layer: nn.Module, rows: int) -> LayerStep:
    """Return a layer's own decode step, or else the layer itself as one.

    The layer itself runs if a module in it has hooks. Those of linear layers are looked at when
    these are packed.
    """
    watched = any(has_hooks(part) for part in layer.modules() if not isinstance(part, nn.Linear))
    own: LayerStep | None = None if watched else own_step(layer, rows)
    if own is not None:
        return own

    def step(states: Tensor, inputs: LayerInputs, cache: LayerCache) -> Tensor:
        states, _ = layer(states[:, None], inputs, cache=cache)
        return states[:, 0]

    return step


def _collected(weights: list[Weights], which: int) -> tuple[Tensor, ...]:
    return tuple(seen[which] for seen in weights if seen[which] is not None)  # type: ignore[misc]
