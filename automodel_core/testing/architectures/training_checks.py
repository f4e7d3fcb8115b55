"""Checks of training: losses, gradients, checkpointing, dropout, and whether a model learns.

Each loss is computed again from the logits that came with it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core.layers.images.patches import edges
from automodel_core.layers.stack import TransformerStack
from automodel_core.layers.transformer import TransformerLayer
from automodel_core.testing.architecture import Inputs
from automodel_core.testing.architectures.input_checks import padded_text
from automodel_core.testing.architectures.properties.building import (
    dropout_fields,
    has_dropout,
    has_stacks,
)
from automodel_core.testing.architectures.properties.learning import (
    answers_about_images,
    classifies,
    classifies_whole_inputs,
    detects_replaced_tokens,
    has_labels,
    has_usual_loss,
    rebuilds_pictures,
    scores_pixels,
)
from automodel_core.testing.case import (
    BATCH,
    LENGTH,
    PATCHES,
    Subject,
    backbone_paths,
    outputs,
    tensors_of,
)
from automodel_core.testing.check import Rule, require, require_close
from automodel_core.testing.drawn.prompts import further_prompts

__all__ = ["TRAINING_CHECKS"]

STEPS, RATE, LEARNT = 30, 0.01, 0.6
"""Steps of training, their learning rate, and the share of the loss that may be left."""
LABELS = 5
IGNORED = -100


def loss_inputs(example: Inputs) -> Inputs:
    """Return the inputs beside labels, which the decoder's inputs are made from."""
    return {name: value for name, value in example.items() if name != "decoder_input_ids"}


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


def loss_is_that_of_the_logits(subject: Subject) -> None:
    """The loss is the mean cross-entropy of the logits, without labels of -100.

    A decoder's are shifted by one; an encoder-decoder's are not, as its inputs are.
    """
    model = subject.model()
    labels = some_ignored(subject.labels(model.config))
    given = {**loss_inputs(subject.example(model.config)), **labels}
    found = outputs(model, given)
    if "start_logits" in found:
        ends = [(found[f"{end}_logits"], labels[f"{end}_positions"]) for end in ("start", "end")]
        expected = sum(F.cross_entropy(*end) for end in ends) / 2
    elif "prediction_logits" in found:  # of tokens, beside those of whole texts
        tokens, texts = (value for name, value in found.items() if name.endswith("_logits"))
        (label,) = (value for name, value in labels.items() if name.endswith("_label"))
        expected = F.cross_entropy(tokens.flatten(0, -2), labels["labels"].flatten())
        expected = expected + F.cross_entropy(texts, label)
    else:
        logits, targets = found["logits"], labels["labels"]
        if subject.generates_alone:
            logits, targets = logits[:, :-1], targets[:, 1:]
        expected = F.cross_entropy(logits.flatten(0, -2), targets.flatten())
    require_close(found["loss"], torch.as_tensor(expected), "the loss")


def some_ignored(labels: Inputs) -> Inputs:
    """Return labels of which the first row's last two do not count, where tokens have labels."""
    tokens = labels.get("labels")
    if tokens is None or tokens.dim() < 2:
        return labels
    tokens = tokens.clone()
    tokens[0, -2:] = IGNORED
    return {**labels, "labels": tokens}


def scores_number_labels(subject: Subject) -> None:
    """There are as many scores as the configuration has labels."""
    model = subject.model(num_labels=LABELS)
    logits = outputs(model, subject.example(model.config))["logits"]
    scores = logits.shape[1 if scores_pixels(subject) else -1]
    require(scores == LABELS, f"num_labels={LABELS} gives {scores} scores")


def loss_follows_problem_type(subject: Subject) -> None:
    """Labels are one class, several classes, or numbers, as ``problem_type`` or they tell."""
    several = torch.arange(BATCH * LABELS).view(BATCH, LABELS)
    one, many, numbers = several[:, 0] % LABELS, (several % 2).float(), several.float() / 10
    cases: tuple[tuple[str | None, Tensor, Any], ...] = (
        ("single_label_classification", one, F.cross_entropy),
        ("multi_label_classification", many, F.binary_cross_entropy_with_logits),
        ("regression", numbers, F.mse_loss),
        (None, one, F.cross_entropy),
        (None, many, F.binary_cross_entropy_with_logits),
    )
    for problem_type, labels, loss in cases:
        model: Any = subject.model(num_labels=LABELS, problem_type=problem_type)
        found = outputs(model, {**subject.example(model.config), "labels": labels})
        require_close(found["loss"], loss(found["logits"], labels), f"problem_type={problem_type}")
    model = subject.model(num_labels=1)
    found = outputs(model, {**subject.example(model.config), "labels": numbers[:, 0]})
    expected = F.mse_loss(found["logits"][:, 0], numbers[:, 0])
    require_close(found["loss"], expected, "the loss of one number")


def total(subject: Subject, model: Any, *, padded: bool = False) -> Tensor:
    """Return a number that depends on everything: the loss, or the outputs where there is none."""
    labels = subject.labels(model.config)
    numbers = []
    for example in examples(subject, model.config):
        given = {**example, **context(subject, model)}
        if padded:
            given = padded_text(subject, given)
        if labels:
            numbers.append(model(**loss_inputs(given), **labels).loss)
        else:
            numbers.append(of_outputs(model, given))
    return torch.stack(numbers).sum() if len(numbers) > 1 else numbers[0]


def examples(subject: Subject, config: Any) -> list[Inputs]:
    """Return arguments of ``forward`` that reach every weight, if not all at once."""
    example = subject.example(config)
    if not subject.takes_prompts:
        return [example]
    pixels = example["pixel_values"]
    return [example, {"pixel_values": pixels, **further_prompts(config, pixels)}]


def of_outputs(model: Any, example: Inputs) -> Tensor:
    """Return a number that depends on all outputs."""
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
    """In training, every weight gets a finite gradient that is not zero.

    One that is frozen changes nothing: a checkpoint has it, and no forward reads it; but a backbone
    may keep first layers as they were pretrained. A bias that all choices share moves their scores
    and not their loss: its gradient is that of the outputs.
    """
    model = subject.model().train()
    frozen = {name: w for name, w in model.named_parameters() if not w.requires_grad}
    total(subject, model).backward()
    trained = [each for each in model.named_parameters() if each[0] not in frozen]
    without = [name for name, weight in trained if weight.grad is None]
    require(not without, f"no gradient reaches {without}")
    unmoved = {}
    for name, weight in trained:
        finite = weight.grad is not None and torch.isfinite(weight.grad).all()
        require(finite, f"the gradient of {name} is not finite")
        if weight.grad is not None and not weight.grad.any():
            unmoved[name] = weight
    for example in examples(subject, model.config) if unmoved else ():
        of_outputs(model, {**example, **context(subject, model)}).backward()
    for name, weight in unmoved.items():
        moved = weight.grad is not None and bool(weight.grad.any())
        require(moved, f"the gradient of {name} is zero")
    others = backbone_paths(model)
    require_unread(subject, model, {k: w for k, w in frozen.items() if not k.startswith(others)})


def require_unread(subject: Subject, model: Any, frozen: Mapping[str, Tensor]) -> None:
    """Raise if an output of the model depends on weights that are frozen."""
    example = subject.example(model.eval().config)
    before = outputs(model, example) if frozen else {}
    for weight in frozen.values():
        weight.data.add_(1.0)
    after = outputs(model, example) if frozen else {}
    for name, value in before.items():
        require(torch.equal(value, after[name]), f"{name} needs one of {list(frozen)}, frozen")


def checkpointing_changes_no_gradient(subject: Subject) -> None:
    """Gradients are the same when states are computed twice instead of kept, with padding too."""
    gradients = []
    for enabled in (False, True):
        model = subject.model().train()
        if enabled:
            model.gradient_checkpointing_enable()
        torch.manual_seed(0)
        total(subject, model, padded=True).backward()
        gradients.append({name: weight.grad for name, weight in model.named_parameters()})
    for name, kept in gradients[0].items():
        again = gradients[1][name]
        if kept is not None and again is not None:
            require_close(again, kept, f"gradient of {name}")


def checkpointing_computes_layers_again(subject: Subject) -> None:
    """With gradient checkpointing every layer of a stack runs once more for its gradients."""
    model: Any = subject.model().train()
    model.gradient_checkpointing_enable()
    ran: Counter[nn.Module] = Counter()
    for stack in model.modules():
        if isinstance(stack, TransformerStack):
            for layer in stack.layers:
                layer.register_forward_pre_hook(lambda layer, *_: ran.update([layer]))
    loss = total(subject, model)
    before = Counter(ran)
    loss.backward()
    once = [layer for layer, times in before.items() if ran[layer] != 2 * times]
    require(before, "no layer ran")
    require(not once, f"{len(once)} of {len(before)} layers keep their states")


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


def dropout_drops(subject: Subject) -> None:
    """With dropout, two forwards of a model in training differ."""
    values = dict.fromkeys(dropout_fields(subject.config()), 0.5)
    model = subject.model(**values).train()
    example = subject.example(model.config)
    with torch.no_grad():
        first, second = tensors_of(model(**example)), tensors_of(model(**example))
    same = [name for name, value in first.items() if torch.equal(value, second[name])]
    require(len(same) < len(first), f"{', '.join(same)} are the same with {', '.join(values)}=0.5")


def each_dropout_drops(subject: Subject) -> None:
    """Each field that says how much is dropped does something by itself."""
    names = dropout_fields(subject.config())
    for name in names:
        model = subject.model(**{**dict.fromkeys(names, 0.0), name: 0.5}).train()
        example = {**subject.example(model.config), **context(subject, model)}
        with torch.no_grad():
            first, second = tensors_of(model(**example)), tensors_of(model(**example))
        same = all(torch.equal(value, second[key]) for key, value in first.items())
        require(not same, f"{name}=0.5 drops nothing")


def loss_is_that_of_the_hidden_pixels(subject: Subject) -> None:
    """The loss of a picture is the mean distance of the pixels that were hidden."""
    model: Any = subject.model()
    given = {**subject.example(model.config), **subject.labels(model.config)}
    found = outputs(model, given)
    rebuilt, pixels, hidden = found["reconstruction"], given["pixel_values"], given[PATCHES]
    patch = edges(model.config.patch_size)[0]
    grid = hidden.view(len(pixels), *(size // patch for size in pixels.shape[2:]))
    shown = grid.repeat_interleave(patch, 1).repeat_interleave(patch, 2)[:, None].expand_as(pixels)
    require_close(found["loss"], (rebuilt - pixels).abs()[shown.bool()].mean(), "the loss")


def loss_is_that_of_tokens_that_are_shown(subject: Subject) -> None:
    """The loss of a detector is the mean over the tokens that are no padding."""
    model: Any = subject.model()
    given = {**padded_text(subject, subject.example(model.config)), **subject.labels(model.config)}
    found = outputs(model, given)
    shown = given["attention_mask"] == 1
    logits, labels = found["logits"][shown], given["labels"][shown].float()
    expected = F.binary_cross_entropy_with_logits(logits, labels)
    require_close(found["loss"], expected, "the loss")


def loss_is_that_of_the_answers(subject: Subject) -> None:
    """The loss is the sum of what is lost on each answer, in the mean over questions."""
    model: Any = subject.model()
    labels = subject.labels(model.config)
    found = outputs(model, {**subject.example(model.config), **labels})
    lost = F.binary_cross_entropy_with_logits(found["logits"], labels["labels"], reduction="none")
    require_close(found["loss"], lost.sum(dim=1).mean(), "the loss")


TRAINING_CHECKS = (
    Rule(labels_give_a_loss, has_labels),
    Rule(loss_is_that_of_the_logits, has_labels, has_usual_loss),
    Rule(loss_is_that_of_the_hidden_pixels, rebuilds_pictures),
    Rule(loss_is_that_of_tokens_that_are_shown, detects_replaced_tokens),
    Rule(loss_is_that_of_the_answers, answers_about_images),
    Rule(scores_number_labels, classifies),
    Rule(loss_follows_problem_type, classifies_whole_inputs),
    Rule(gradients_reach_every_weight),
    Rule(checkpointing_changes_no_gradient),
    Rule(checkpointing_computes_layers_again, has_stacks),
    Rule(dropout_drops, has_dropout),
    Rule(each_dropout_drops, has_dropout),
    Rule(learns, has_labels),
)
