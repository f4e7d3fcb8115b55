"""Checks of attention kernels, against the sums written out."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from automodel_core.layers.kernels.attention_functions import eager_attention
from automodel_core.testing.check import Rule, require, require_close
from automodel_core.testing.extensions.part import PROMPT, Part

__all__ = ["ATTENTION_CHECKS"]

LOWEST = torch.finfo(torch.float32).min


def states(queries: int, keys: int) -> tuple[Tensor, Tensor, Tensor]:
    chance = torch.Generator().manual_seed(1)
    shapes = ((2, 3, queries, 8), (2, 3, keys, 8), (2, 3, keys, 8))
    query, key, value = (torch.randn(shape, generator=chance) for shape in shapes)
    return query, key, value


def cases() -> dict[str, tuple[tuple[Tensor, Tensor, Tensor], Tensor | None, bool, float]]:
    """Return states, mask, causality and scale of calls that models make."""
    padding = torch.zeros(2, 1, 1, 5)
    padding[1, ..., 3:] = LOWEST
    biases = torch.linspace(-2, 2, 2 * 3 * 5 * 5).view(2, 3, 5, 5)
    later = torch.full((1, 1, 5, 5), LOWEST).triu(1)
    return {
        "no mask": (states(5, 5), None, False, 0.35),
        "causal": (states(5, 5), None, True, 0.35),
        "padding": (states(5, 5), padding, False, 0.35),
        "causal by a mask": (states(5, 5), later, False, 0.35),
        "a bias for each head": (states(5, 5), biases, False, 1.0),
        "one query": (states(1, 5), padding, False, 0.35),
        "more keys than queries": (states(2, 7), None, False, 0.1),
    }


def call(function: Any, case: str, **more: Any) -> Tensor:
    """Call a kernel on a case."""
    (query, key, value), mask, is_causal, scale = cases()[case]
    given = {"is_causal": is_causal, "dropout": 0.0, "scale": scale, **more}
    attended: Tensor = function(query, key, value, mask, **given)
    return attended


def it_equals_the_sums(part: Part) -> None:
    """For every kind of mask it returns what softmax over scaled scores gives."""
    function = part.resolve("function")
    for case in cases():
        expected = call(eager_attention, case)
        require_close(call(function, case), expected, case, tolerance=1e-4)


def its_gradients_are_those_of_the_sums(part: Part) -> None:
    """Gradients of queries, keys and values are right."""
    found = []
    functions: tuple[Any, ...] = (part.resolve("function"), eager_attention)
    for function in functions:
        (query, key, value), mask, _, scale = cases()["padding"]
        leaves = [tensor.requires_grad_() for tensor in (query, key, value)]
        attended = function(*leaves, mask, is_causal=False, dropout=0.0, scale=scale)
        found.append(torch.autograd.grad(attended.square().sum(), leaves))
    for name, ours, theirs in zip(("queries", "keys", "values"), *found, strict=True):
        require_close(ours, theirs, f"gradients of {name}", tolerance=1e-3)


def it_keeps_the_precision(part: Part) -> None:
    """States in bfloat16 give finite states in bfloat16."""
    query, key, value = (tensor.bfloat16() for tensor in states(5, 5))
    attended = part.resolve("function")(
        query, key, value, None, is_causal=False, dropout=0.0, scale=0.35
    )
    require(attended.dtype == torch.bfloat16, f"bfloat16 becomes {attended.dtype}")
    require(attended.isfinite().all(), "bfloat16 gives numbers that are not finite")


def it_leaves_its_arguments(part: Part) -> None:
    """States and mask are as they were."""
    (query, key, value), mask, _, scale = cases()["padding"]
    before = [tensor.clone() for tensor in (query, key, value, mask) if tensor is not None]
    part.resolve("function")(query, key, value, mask, is_causal=False, dropout=0.0, scale=scale)
    after = [tensor for tensor in (query, key, value, mask) if tensor is not None]
    require(all(map(torch.equal, before, after)), "it writes into its arguments")


def its_dropout_drops(part: Part) -> None:
    """With ``dropout`` two calls differ."""
    function = part.resolve("function")
    first, second = (call(function, "no mask", dropout=0.5) for _ in range(2))
    require(not torch.equal(first, second), "dropout=0.5 drops nothing")


def a_model_runs_with_it(part: Part) -> None:
    """A model gives the same scores as by ``eager``, and writes the same."""
    model: Any = part.decoder()
    found = {}
    for name in ("eager", part.manifest.name):
        model.set_attn_implementation(name)
        options = {"max_new_tokens": 4, "eos_token_id": None, "pad_token_id": 0}
        found[name] = part.scores(model), model.generate(PROMPT, **options)
    (expected, text), (scores, same) = found["eager"], found[part.manifest.name]
    require_close(scores, expected, "scores of a model")
    require(torch.equal(same, text), "a model writes something else")


ATTENTION_CHECKS = (
    Rule(it_equals_the_sums),
    Rule(its_gradients_are_those_of_the_sums),
    Rule(it_keeps_the_precision),
    Rule(it_leaves_its_arguments),
    Rule(its_dropout_drops),
    Rule(a_model_runs_with_it),
)
