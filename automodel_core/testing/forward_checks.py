"""Checks of ``forward``, without and with gradients."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from automodel_core.layers.attention import Attention
from automodel_core.layers.transformer import TransformerLayer
from automodel_core.testing.case import (
    BATCH,
    DECODES_ITS_INPUT,
    LENGTH,
    Inputs,
    Subject,
    tensors_of,
)
from automodel_core.testing.check import Rule, require, require_close

__all__ = ["FORWARD_CHECKS"]

PADDING = 3
STEPS, RATE, LEARNT = 30, 0.01, 0.6
"""Steps of training, their learning rate, and the share of the loss that may be left."""


def outputs(model: Any, inputs: Inputs, **more: Any) -> dict[str, Tensor]:
    """Return the tensors that the model makes of inputs."""
    with torch.no_grad():
        return tensors_of(model(**inputs, **more))


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


def shows_hidden_states_and_attentions(subject: Subject) -> None:
    """On request a model shows what enters each layer, what leaves the last, and attention."""
    model = subject.model()
    shown = model(
        **subject.example(model.config), output_hidden_states=True, output_attentions=True
    )
    found = dict(shown.items())
    states = [value for name, value in found.items() if name.endswith("hidden_states")]
    weights = [value for name, value in found.items() if name.endswith("attentions")]
    require(states, f"only {sorted(found)}")
    require(not attends(subject) or any(weights), f"no attentions, only {sorted(found)}")
    require(all(len(each) >= 2 for each in states), "hidden_states lack layers")
    for weight in (tensor for each in weights for tensor in each):
        require_close(weight.sum(-1), torch.ones(weight.shape[:-1]), "attention sums to 1")


def attends(subject: Subject) -> bool:
    """Return whether a part of the model is attention."""
    with torch.device("meta"):
        model = subject.model_class(subject.config())
    return any(isinstance(part, Attention | TransformerLayer) for part in model.modules())


def rows_do_not_meet(subject: Subject) -> None:
    """A row gives the same alone as in a batch."""
    model = subject.model()
    example = subject.example(model.config)
    alone = {
        name: value[:1] if isinstance(value, Tensor) and len(value) == BATCH else value
        for name, value in example.items()
    }
    together = outputs(model, example)
    for name, value in outputs(model, alone).items():
        if value.dim() and len(together[name]) == BATCH:
            require_close(value, together[name][:1], name)


def padding_changes_nothing(subject: Subject) -> None:
    """Masked tokens at the end of the inputs change nothing before them."""
    model = subject.model()
    example = subject.example(model.config)
    filler = model.config.pad_token_id or 0
    padded = dict(example)
    for name, fill in (("input_ids", filler), ("attention_mask", 0)):
        padded[name] = torch.nn.functional.pad(example[name], (0, PADDING), value=fill)
    before, after = outputs(model, example), outputs(model, padded)
    for name, value in before.items():
        longer = after[name]
        if value.dim() > 1 and (value.shape[1], longer.shape[1]) == (LENGTH, LENGTH + PADDING):
            longer = longer[:, :LENGTH]
        require_close(longer, value, name)


def embeddings_stand_for_tokens(subject: Subject) -> None:
    """``inputs_embeds`` gives what the tokens give."""
    model = subject.model()
    example = subject.example(model.config)
    expected = outputs(model, example)
    embedded = {name: value for name, value in example.items() if name != "input_ids"}
    embedded["inputs_embeds"] = model.get_input_embeddings()(example["input_ids"])
    for name, value in outputs(model, embedded).items():
        require_close(value, expected[name], name)


def reads_masked_text(subject: Subject) -> bool:
    """Return whether the model reads text with a mask for padding."""
    return subject.reads_text and "attention_mask" in subject.accepted


def reads_embeddings(subject: Subject) -> bool:
    """Return whether embeddings are enough, and no end of a text must be found in the tokens."""
    needs_tokens = subject.task in DECODES_ITS_INPUT and subject.config().is_encoder_decoder
    return subject.reads_text and "inputs_embeds" in subject.accepted and not needs_tokens


def eager_equals_sdpa(subject: Subject) -> None:
    """Attention by its formula equals the fused kernels."""
    model = subject.model()
    example = subject.example(model.config)
    expected = outputs(model, example)
    model.set_attn_implementation("eager")
    for name, value in outputs(model, example).items():
        require_close(value, expected[name], name)


def half_precision_is_finite(subject: Subject) -> None:
    """In bfloat16 everything stays finite, and near to single precision."""
    model = subject.model()
    example = subject.example(model.config)
    for name, value in outputs(model.to(torch.bfloat16), example).items():
        require(torch.isfinite(value).all(), f"{name} is not finite in bfloat16")


def labels_give_a_loss(subject: Subject) -> None:
    """With labels there is a finite loss above zero; without, none."""
    model = subject.model()
    labels = subject.labels(model.config)
    example = subject.example(model.config)
    require("loss" not in outputs(model, example), "there is a loss without labels")
    found = outputs(model, {**loss_inputs(example), **labels}).get("loss")
    require(found is not None, f"no loss with {sorted(labels)}")
    value = float("nan") if found is None else found.item()
    require(math.isfinite(value) and value > 0, f"the loss is {value}")


def loss_inputs(example: Inputs) -> Inputs:
    """Return the inputs beside labels, which the decoder's inputs are made from."""
    return {name: value for name, value in example.items() if name != "decoder_input_ids"}


def total(subject: Subject, model: Any) -> Tensor:
    """Return a number that depends on everything: the loss, or the outputs where there is none."""
    labels = subject.labels(model.config)
    example = {**subject.example(model.config), **context(subject, model)}
    if labels:
        loss: Tensor = model(**loss_inputs(example), **labels).loss
        return loss
    found = tensors_of(model(**example)).values()
    return torch.stack([v.float().square().mean() for v in found if v.is_floating_point()]).sum()


def context(subject: Subject, model: Any) -> Inputs:
    """Return states to attend to, for a decoder alone that has layers for them."""
    layers = [part for part in model.modules() if isinstance(part, TransformerLayer)]
    attends = any(layer.cross_attn is not None for layer in layers)
    if not attends or "encoder_hidden_states" not in subject.accepted:
        return {}
    config = model.config
    size = config.cross_attention_hidden_size or config.hidden_size
    chance = torch.Generator().manual_seed(4)
    return {"encoder_hidden_states": torch.randn(BATCH, LENGTH, size, generator=chance)}


def gradients_reach_every_weight(subject: Subject) -> None:
    """In training, every weight gets a finite gradient."""
    model = subject.model().train()
    total(subject, model).backward()
    without = [name for name, weight in model.named_parameters() if weight.grad is None]
    require(not without, f"no gradient reaches {without}")
    for name, weight in model.named_parameters():
        finite = weight.grad is not None and torch.isfinite(weight.grad).all()
        require(finite, f"the gradient of {name} is not finite")


def checkpointing_changes_no_gradient(subject: Subject) -> None:
    """Gradients are the same when states are computed twice instead of kept."""
    gradients = []
    for enabled in (False, True):
        model = subject.model().train()
        if enabled:
            model.gradient_checkpointing_enable()
        torch.manual_seed(0)
        total(subject, model).backward()
        gradients.append({name: weight.grad for name, weight in model.named_parameters()})
    for name, kept in gradients[0].items():
        again = gradients[1][name]
        if kept is not None and again is not None:
            require_close(again, kept, f"gradient of {name}")


def learns(subject: Subject) -> None:
    """A few steps of training on one batch lower its loss well."""
    model = subject.model().train()
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    losses = []
    for _ in range(STEPS):
        loss = total(subject, model)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    require(
        losses[-1] < LEARNT * losses[0],
        f"the loss is {losses[-1]:.3g} after {STEPS} steps of training, and was {losses[0]:.3g}",
    )


def has_labels(subject: Subject) -> object:
    """Return whether the model gives a loss."""
    return subject.labels(subject.config())


FORWARD_CHECKS = (
    Rule(output_is_dict_and_tuple),
    Rule(shows_hidden_states_and_attentions),
    Rule(rows_do_not_meet),
    Rule(padding_changes_nothing, reads_masked_text),
    Rule(embeddings_stand_for_tokens, reads_embeddings),
    Rule(eager_equals_sdpa, attends),
    Rule(half_precision_is_finite),
    Rule(labels_give_a_loss, has_labels),
    Rule(gradients_reach_every_weight),
    Rule(checkpointing_changes_no_gradient),
    Rule(learns, has_labels),
)
