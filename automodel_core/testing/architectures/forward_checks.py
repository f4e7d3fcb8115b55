"""Checks of ``forward``, without and with gradients."""

from __future__ import annotations

import inspect
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from automodel_core.exporting.inputs import BOXES, TYPES
from automodel_core.layers.attention import Attention
from automodel_core.layers.stack import TransformerStack
from automodel_core.testing.architectures.properties.building import (
    has_attention,
    has_attention_bricks,
    has_stacks,
)
from automodel_core.testing.architectures.properties.reading import keeps_every_token
from automodel_core.testing.case import (
    BATCH,
    KEYPOINTS,
    Subject,
    outputs,
    row_of,
    tensors_of,
    values_of,
)
from automodel_core.testing.check import CheckFailedError, Rule, require, require_close
from automodel_core.testing.drawn.prompts import POINTS

__all__ = ["FORWARD_CHECKS"]

DYNAMIC = torch.export.Dim.DYNAMIC
VECTORS = ("speaker_embeddings",)
"""Inputs that are one vector for each row, of the size that the model has."""
PATIENCE = 20.0
"""Seconds that one thread waits for the other."""


def output_is_dict_and_tuple(subject: Subject) -> None:
    """``return_dict=False`` gives the same values as a tuple."""
    model = subject.model()
    example = subject.example(model.config)
    with torch.no_grad():
        output = model(**example)
        values = model(**example, return_dict=False)
    require(isinstance(values, tuple), "return_dict=False does not give a tuple")
    require(len(values) == len(output.to_tuple()), "the tuple has another length")
    for (name, value), other in zip(output.items(), values, strict=True):
        if isinstance(value, Tensor):
            require_close(other, value, name)


def shown(subject: Subject, ending: str, **asked: bool) -> dict[str, tuple[Tensor, ...]]:
    """Return the tuples of tensors that the model shows on request, by name."""
    model = subject.model()
    with torch.no_grad():
        output = model(**subject.example(model.config), **asked)
    return {name: value for name, value in values_of(output).items() if name.endswith(ending)}


def shows_hidden_states(subject: Subject) -> None:
    """On request a model shows what enters each layer, and what leaves the last."""
    states = shown(subject, "hidden_states", output_hidden_states=True)
    require(states, "output_hidden_states=True shows no hidden states")
    require(all(len(each) >= 2 for each in states.values()), "hidden_states lack layers")


def shows_attentions(subject: Subject) -> None:
    """On request a model shows its attention, whose weights sum to 1."""
    weights = shown(subject, "attentions", output_attentions=True)
    require(weights, "output_attentions=True shows no attentions")
    for weight in (tensor for each in weights.values() for tensor in each):
        require_close(weight.sum(-1), torch.ones(weight.shape[:-1]), "attention sums to 1")


def hidden_states_are_those_of_the_layers(subject: Subject) -> None:
    """``hidden_states`` begin with what enters the first layer, and have one more for each."""
    model: Any = subject.model()
    seen: list[tuple[int, Tensor, Tensor]] = []

    def watch(stack: TransformerStack, given: tuple[Any, ...], output: Any) -> None:
        seen.append((len(stack.in_turn()), given[0], output.last_hidden_state))

    for module in model.modules():
        if isinstance(module, TransformerStack):
            module.register_forward_hook(watch)
    with torch.no_grad():
        output = model(**subject.example(model.config), output_hidden_states=True)
    shown = values_of(output).items()
    states = [value for name, value in shown if name.endswith("hidden_states")]
    require(len(states) >= len(seen), f"{len(seen)} stacks, but {len(states)} hidden_states")
    for layers, first, last in seen:
        fitting = [each for each in states if torch.equal(each[0], first)]
        require(fitting, "no hidden_states begin with what enters the first layer")
        found = len(fitting[0])
        require(found == layers + 1, f"{found} hidden_states of {layers} layers")
        require(torch.equal(fitting[0][-1], last), "the last hidden_states are not those that left")


def asking_for_more_changes_nothing(subject: Subject) -> None:
    """To ask for hidden states or attentions changes nothing else."""
    model = subject.model()
    example = subject.example(model.config)
    expected = outputs(model, example)
    for asked in ("output_hidden_states", "output_attentions"):
        for name, value in outputs(model, example, **{asked: True}).items():
            require_close(value, expected[name], f"{name} with {asked}=True")


def each_attention_runs_its_function_once(subject: Subject) -> None:
    """``set_attn_implementation`` decides how every layer attends: nothing attends beside it."""
    model: Any = subject.model()
    ran: Counter[Attention] = Counter()
    attended: Counter[Attention] = Counter()

    def counting(attention: Attention, attend: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            attended[attention] += 1
            return attend(*args, **kwargs)

        return counted

    def ran_once(attention: Attention, *_: Any) -> None:
        ran[attention] += 1

    for module in model.modules():
        if isinstance(module, Attention):
            module.attend = counting(module, module.attend)
            module.register_forward_hook(ran_once)
    outputs(model, subject.example(model.config))
    require(ran, "no attention of the core ran")
    for attention, times in ran.items():
        found = attended[attention]
        require(found == times, f"an attention ran {times} times, its function {found} times")


def eager_equals_sdpa(subject: Subject) -> None:
    """Attention by its formula equals the fused kernels."""
    model = subject.model()
    example = subject.example(model.config)
    expected = outputs(model, example)
    model.set_attn_implementation("eager")
    for name, value in outputs(model, example).items():
        require_close(value, expected[name], name)


def half_precision_is_finite(subject: Subject) -> None:
    """In bfloat16 everything that comes out is in bfloat16, and finite."""
    model = subject.model()
    example = subject.example(model.config)
    for name, value in outputs(model.to(torch.bfloat16), example).items():
        require(torch.isfinite(value).all(), f"{name} is not finite in bfloat16")
        # Coordinates in half precision would be other points, and so would what hides cells.
        exempt = name == KEYPOINTS or subject.selects_cells or not value.is_floating_point()
        same = value.dtype == torch.bfloat16 or exempt
        require(same, f"{name} of a model in bfloat16 is in {value.dtype}")


def threads_do_not_meet(subject: Subject) -> None:
    """Two threads that run one model at the same time get what each gets alone."""
    model: Any = subject.model()
    example = subject.example(model.config)
    examples = [example, {name: turned(value) for name, value in example.items()}]
    expected = [outputs(model, each) for each in examples]
    meeting = threading.Barrier(2)
    entered = threading.local()

    def meet(*_: Any) -> None:
        if not vars(entered).get("once"):
            entered.once = True
            meeting.wait(PATIENCE)

    for module in model.modules():
        if isinstance(module, TransformerStack):
            module.register_forward_pre_hook(meet)
    found: list[Any] = [None, None]

    def run(index: int) -> None:
        found[index] = outputs(model, examples[index])

    threads = [threading.Thread(target=run, args=(index,)) for index in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for alone, together in zip(expected, found, strict=True):
        require(together is not None, "a thread did not end well")
        for name, value in alone.items():
            require_close(together[name], value, f"{name}, with another thread beside")


def turned(value: Any) -> Any:
    """Return a batch with its rows in the other order."""
    return value.flip(0) if isinstance(value, Tensor) and len(value) == BATCH else value


def exports_with_dynamic_sizes(subject: Subject) -> None:
    """A program of ``torch.export`` gives the model's numbers at other sizes and other masks."""
    model = subject.model()
    given = subject.example(model.config)
    example = {
        name: given[name] for name in inspect.signature(model.forward).parameters if name in given
    }
    sizes = {
        name: dict.fromkeys(open_dimensions(name, value), DYNAMIC)
        for name, value in example.items()
    }
    try:
        with torch.no_grad():
            program = torch.export.export(model, (), example, dynamic_shapes=sizes).module()
            other = {name: resized(name, value) for name, value in example.items()}
            found = tensors_of(program(**other))
    except Exception as error:
        raise CheckFailedError(f"torch.export: {error}") from error
    for name, value in outputs(model, other).items():
        require_close(found[name], value, f"{name} of the program, at other sizes")


def open_dimensions(name: str, value: Any) -> tuple[int, ...]:
    """Return the dimensions of an input that may have any size: rows, tokens, samples of sound."""
    if name in (BOXES, POINTS) or (name == TYPES and value.dim() == 3):
        return (0, value.dim() - 2)
    if not isinstance(value, Tensor) or value.dim() < 2 or name in VECTORS:
        return (0,)
    has_length = value.dim() == 2 or not value.is_floating_point()
    return (0, value.dim() - 1) if has_length else (0,)


def resized(name: str, value: Tensor) -> Tensor:
    """Return an input with another row and two tokens less; a mask hides the first of one row."""
    value = torch.cat([value, row_of(value)])
    for length in open_dimensions(name, value)[1:]:
        value = value.narrow(length, 2, value.shape[length] - 2).clone()
    if name == "attention_mask":
        value[0, ..., 0] = 0
    return value


FORWARD_CHECKS = (
    Rule(output_is_dict_and_tuple),
    Rule(shows_hidden_states),
    Rule(shows_attentions, has_attention),
    Rule(hidden_states_are_those_of_the_layers, has_stacks),
    Rule(asking_for_more_changes_nothing),
    Rule(eager_equals_sdpa, has_attention_bricks),
    Rule(each_attention_runs_its_function_once, has_attention_bricks),
    Rule(half_precision_is_finite),
    Rule(threads_do_not_meet, has_stacks),
    Rule(exports_with_dynamic_sizes, has_attention, keeps_every_token),
)
