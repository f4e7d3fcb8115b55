"""What trainers ask of a model: memory saved, losses of parts of a batch, states by hub names."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from automodel_core.errors import InputError
from support.tiny_lm import TinyForCausalLM, TinyForTokenClassification, TinyModel, drawn
from support.tiny_pair import drawn_pair

IDS = torch.tensor([[3, 4, 5]])


def test_checkpointing_is_switched() -> None:
    model = drawn()
    assert not model.is_gradient_checkpointing
    model.gradient_checkpointing_enable({"use_reentrant": False})
    assert model.is_gradient_checkpointing
    assert model.is_activation_checkpointing
    model.gradient_checkpointing_disable()
    assert not model.is_activation_checkpointing
    with pytest.raises(InputError, match="use_reentrant"):
        model.gradient_checkpointing_enable({"use_reentrant": True})
    with pytest.raises(InputError, match="every_n_layers must be at least 1, got 0"):
        model.activation_checkpointing_enable(every_n_layers=0)


def gradients(model: Any, *, count: bool = False) -> tuple[list[Tensor | None], int]:
    """Return all gradients of a training step, and how often layers ran."""
    runs: list[nn.Module] = []
    hooks = [
        layer.register_forward_pre_hook(lambda layer, _: runs.append(layer))
        for layer in model.model.stack.layers
    ]
    model.zero_grad()
    model.train()(IDS, labels=IDS).loss.backward()
    for hook in hooks:
        hook.remove()
    return [parameter.grad for parameter in model.parameters()], len(runs)


@pytest.mark.parametrize(
    ("settings", "runs"),
    [
        ({}, 6),
        ({"every_n_layers": 2}, 5),
        ({"every_n_layers": 9}, 4),
        ({"offload": True}, 6),
        ({"activation_checkpointing_kwargs": {"preserve_rng_state": False}}, 6),
    ],
)
def test_checkpointing_changes_no_gradient(settings: dict[str, Any], runs: int) -> None:
    model = drawn(num_layers=3)
    kept, count = gradients(model)
    assert count == 3
    model.activation_checkpointing_enable(**settings)
    again, count = gradients(model)
    torch.testing.assert_close(again, kept)
    assert count == runs
    model.activation_checkpointing_disable()
    assert gradients(model)[1] == 3


@pytest.mark.parametrize(
    "labels", [torch.tensor([[1, 0, -100], [-100, -100, -100]]), torch.tensor([[1, 0, 1]] * 2)]
)
@pytest.mark.parametrize("kind", [TinyForCausalLM, TinyForTokenClassification])
def test_parts_of_a_batch_add_up_to_its_loss(kind: Any, labels: Tensor) -> None:
    """Also where no label of a part counts, whose mean would be no number."""
    model, ids = drawn(kind), torch.tensor([[3, 4, 5], [6, 7, 8]])
    whole = model(ids, labels=labels).loss
    counted = labels[:, 1:] if model.loss_type == "ForCausalLM" else labels
    items = counted.ne(-100).sum()
    parts = [
        model(ids[row : row + 1], labels=labels[row : row + 1], num_items_in_batch=items).loss
        for row in range(2)
    ]
    torch.testing.assert_close(parts[0] + parts[1], whole)


def test_parts_of_a_batch_of_pairs_add_up_too() -> None:
    model, ids = drawn_pair(), torch.tensor([[3, 4, 5], [6, 7, 8]])
    labels = torch.tensor([[3, -100, -100], [5, 6, 7]])
    whole = model(ids, labels=labels).loss
    parts = [
        model(ids[row : row + 1], labels=labels[row : row + 1], num_items_in_batch=4).loss
        for row in range(2)
    ]
    torch.testing.assert_close(parts[0] + parts[1], whole)


def test_a_trainer_is_told_what_a_loss_takes() -> None:
    assert drawn().accepts_loss_kwargs
    assert drawn(TinyForTokenClassification).accepts_loss_kwargs
    assert not drawn(TinyModel).accepts_loss_kwargs
    assert drawn().loss_type == "ForCausalLM"
    assert drawn(TinyForTokenClassification).loss_type is None


def test_inputs_may_require_gradients() -> None:
    model = drawn()
    model.enable_input_require_grads()
    model.requires_grad_(False)
    assert model(IDS).logits.requires_grad
    model.disable_input_require_grads()
    model.disable_input_require_grads()
    assert not model(IDS).logits.requires_grad


@pytest.mark.parametrize("on_hub", [True, False])
def test_states_load_by_the_names_of_either_side(on_hub: bool) -> None:
    source, model = drawn(seed=1), drawn(seed=2)
    state = source.hub_state_dict() if on_hub else source.state_dict()
    assert (state.keys() <= source.state_dict().keys()) is not on_hub
    found = model.load_state_dict(state)
    assert found.missing_keys == found.unexpected_keys == []
    torch.testing.assert_close(model(IDS).logits, source(IDS).logits)


def test_a_shard_loads_by_hub_names() -> None:
    source, model = drawn(seed=1), drawn(seed=2)
    whole = source.hub_state_dict()
    names = sorted(whole)
    for part in (names[:3], names[3:]):
        model.load_state_dict({name: whole[name] for name in part}, strict=False)
    torch.testing.assert_close(model(IDS).logits, source(IDS).logits)


def test_unknown_names_are_still_refused() -> None:
    model = drawn()
    with pytest.raises(RuntimeError, match="colour"):
        model.load_state_dict({**model.hub_state_dict(), "colour": torch.ones(1)})
