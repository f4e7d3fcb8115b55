"""Checks of weights: their names on the hub, ties, first values, vocabulary, and missing ones."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from automodel_core.checkpoint.formats.choice import open_weights
from automodel_core.checkpoint.places.source import open_checkpoint
from automodel_core.errors import IncompleteCheckpointError
from automodel_core.layers.images.deformable import DeformableAttention
from automodel_core.layers.kernels.norms import RMSNorm
from automodel_core.modeling.pretrained.base import PreTrainedModel
from automodel_core.modeling.pretrained.first_values import SelfDrawn
from automodel_core.testing.architectures.checkpoint_checks import require_equal_weights, weights_of
from automodel_core.testing.architectures.properties.building import (
    has_ties,
    ties_vocabulary,
    vocabulary_layers,
)
from automodel_core.testing.architectures.properties.reading import (
    has_one_vocabulary,
    has_position_rows,
)
from automodel_core.testing.case import Subject, outputs
from automodel_core.testing.check import Rule, require

__all__ = ["WEIGHT_CHECKS"]

WIDER = 4.0
MORE = 3
"""Tokens that are added to a vocabulary."""
SPREADS = ("initializer_factor", "initializer_range", "init_std")
"""What configurations call the spread of first values."""
NORMS = (nn.LayerNorm, nn.GroupNorm, RMSNorm)
DRAWN = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Embedding)
SELF_DRAWN = (SelfDrawn, DeformableAttention)
HOUSE_WORDS = {"stack", "self_attn_norm", "cross_attn_norm", "mixer_norm", "mlp_norm"}
"""What the bricks call their parts, and no checkpoint does."""


def hub_names_round_trip(subject: Subject) -> None:
    """Every weight has one name on the hub, which leads back to it; files hold those names."""
    model = subject.model()
    type(model).weight_names(model.config).check(weights_of(model))
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        written = open_weights(open_checkpoint(folder))
        in_file = {name: written.tensor(name) for name in written}
        in_memory = model.hub_state_dict()
        unknown = in_file.keys() - in_memory.keys()
        require(not unknown, f"the file holds {sorted(unknown)}, hub_state_dict() does not")
        for state in (in_memory, in_file):
            other = subject.model_class(subject.config())
            other.load_hub_state_dict(state)
            require_equal_weights(other, model)


def hub_names_have_no_word_of_the_core(subject: Subject) -> None:
    """No weight reaches a file under the name that a brick of the core gave it."""
    for name in subject.model().hub_state_dict():
        words = HOUSE_WORDS & set(name.split("."))
        require(not words, f"no rule of weight_names reads {name}: {', '.join(words)} is no hub's")


def tied_weights_share_storage(subject: Subject) -> None:
    """Weights that are tied are one tensor, when built and when loaded."""
    model = subject.model()
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        for each in (model, subject.auto_class.from_pretrained(folder)):
            for target, source in each.ties_in_force().items():
                shared = each.get_parameter(target) is each.get_parameter(source)
                require(shared, f"{target} and {source} are two tensors")


def vocabulary_is_tied_as_configured(subject: Subject) -> None:
    """With ``tie_word_embeddings`` a layer that scores every token shares embeddings."""
    model = subject.model()
    require(shared_layers(model, model.config.vocab_size), "no scores of tokens use embeddings")


def shared_layers(model: nn.Module, size: int) -> set[str]:
    """Return the layers that score every token with the weight of embeddings."""
    embeddings = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    layers = vocabulary_layers(model, size).items()
    return {name for name, layer in layers if id(layer.weight) in embeddings}


def vocabulary_grows_in_every_layer(subject: Subject) -> None:
    """With more tokens, embeddings and scores have as many rows; old ones and ties stay."""
    model: Any = subject.model()
    size = model.config.vocab_size
    example = subject.example(model.config)
    before = model.get_input_embeddings().weight.detach().clone()
    scored = [n for n, v in outputs(model, example).items() if v.shape[-1:] == (size,)]
    tied = shared_layers(model, size)
    model.resize_token_embeddings(size + MORE)
    after = model.get_input_embeddings().weight.detach()
    require(torch.equal(after[:size], before), "embeddings of old tokens changed")
    require(model.config.vocab_size == size + MORE, "the configuration keeps the old size")
    found = outputs(model, example)
    narrow = [name for name in scored if found[name].shape[-1] != size + MORE]
    require(not narrow, f"{narrow} keep scores for the old size")
    require(shared_layers(model, size + MORE) == tied, f"{tied} no longer share the embeddings")


def positions_grow_and_shrink(subject: Subject) -> None:
    """More positions read longer texts, also from a file; the first ones stay."""
    model: Any = subject.model()
    config, limit = model.config, model.config.position_limit
    example = subject.example(config)
    before = outputs(model, example)
    model.resize_position_embeddings(limit + MORE)
    require(config.position_limit == limit + MORE, f"there are {config.position_limit} positions")
    require_same(outputs(model, example), before)
    texts = {name: each for name, each in example.items() if not name.startswith("pixel")}
    longer = example | {
        name: torch.cat([each, *[each[:, -1:]] * (limit + MORE - each.shape[1])], dim=1)
        for name, each in texts.items()
    }
    found = outputs(model, longer)
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        again = type(model).from_pretrained(folder)
    require_same(outputs(again, longer), found)
    longest = max(each.shape[1] for each in texts.values())
    model.resize_position_embeddings(longest)
    require_same(outputs(model, example), before)


def require_same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    """Raise unless all outputs are the same."""
    for name, value in expected.items():
        require(torch.equal(found[name], value), f"{name} changed")


def first_values_are_as_configured(subject: Subject) -> None:
    """Weights are drawn with the spread that the configuration names; norms begin with ones."""
    drawn = []
    for factor in (1.0, WIDER):
        config: Any = subject.config()
        spreads = [widen(part, factor) for part in (config, *config.all_parts())]
        torch.manual_seed(0)
        drawn.append(subject.model_class(config))
    model, wider = drawn[0], dict(drawn[1].named_parameters())
    require_first_values(model, set(wider))
    spread = next(filter(None, spreads), None)
    if spread is None:
        return
    parts = [(f"{path}.", part) for path, part in model.named_modules() if path]
    others = tuple(
        path
        for path, part in parts
        if isinstance(part, PreTrainedModel) and spread not in (*part.config, *part.config.aliases)
    )
    others += self_drawn(model)
    for name, weight in weights_in(model, DRAWN):
        if name.startswith(others):  # drawn by the rules of another architecture, or its own
            continue
        ratio = (
            float(wider[name].detach().norm() / weight.detach().norm()) if name in wider else WIDER
        )
        kept = not weight.requires_grad
        require(kept or abs(ratio - WIDER) < 0.1, f"{name} does not follow config.{spread}")


def widen(config: Any, factor: float) -> str | None:
    """Multiply the spread of first values that a configuration names, and return its name."""
    names = (*config, *config.aliases)
    spread = next((name for name in SPREADS if name in names), None)
    if spread is not None:
        setattr(config, spread, factor * getattr(config, spread))
    return spread


def weights_in(model: nn.Module, kinds: tuple[type[nn.Module], ...]) -> Iterator[tuple[str, Any]]:
    """Yield the weights of modules of some kinds, by name."""
    for path, module in model.named_modules():
        if isinstance(module, kinds) and isinstance(module.weight, nn.Parameter):
            yield f"{path}.weight", module.weight


def require_first_values(model: nn.Module, among: set[str]) -> None:
    """Raise unless norms are ones, and layers and embeddings not zero that are drawn by rules."""
    others = self_drawn(model)
    for name, weight in weights_in(model, NORMS):
        require(name not in among or (weight == 1).all(), f"{name} of a norm is not 1 at first")
    for name, weight in weights_in(model, DRAWN):
        by_rules = name in among and not name.startswith(others)
        require(not by_rules or weight.any(), f"{name} is 0 at first")


def self_drawn(model: nn.Module) -> tuple[str, ...]:
    """Return where modules are that draw first values of their own, with a dot behind."""
    parts = model.named_modules()
    return tuple(f"{path}." for path, part in parts if path and isinstance(part, SELF_DRAWN))


def missing_weights_get_first_values(subject: Subject) -> None:
    """With ``strict="off"`` what a checkpoint lacks gets the values of a new model."""
    state = subject.model().hub_state_dict()
    one = next(iter(state))
    with silence():
        model: Any = subject.model_class.from_pretrained(
            None, config=subject.config(), state_dict={one: state[one]}, strict="off"
        )
    kept = set(type(model).weight_names(model.config).to_module(one))
    require_first_values(model, {name for name, _ in model.named_parameters()} - kept)


@contextmanager
def silence() -> Iterator[None]:
    """Let loading say nothing of what it lacks."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def a_checkpoint_without_a_weight_is_refused(subject: Subject) -> None:
    """A checkpoint must hold every weight that the bodies of all tasks have."""
    model: Any = subject.skeleton
    shared = shared_weights(subject)
    body = f"{model.body}." if model.body else ""
    optional = [name for name in shared if not model.needs(body + name)]
    require(not optional, f"optional_weights leave out {optional}, which every task's body has")
    state = subject.model().hub_state_dict()
    names = type(model).weight_names(model.config)
    tied = {**model.ties_to_load(), **model.embedding_ties()}
    untied = [name for name in sorted(shared) if body + name not in {*tied, *tied.values()}]
    hole = names.to_hub(body + untied[-1]).name
    without = {name: value for name, value in state.items() if name != hole}
    try:
        with silence():
            subject.model_class.from_pretrained(None, config=subject.config(), state_dict=without)
    except IncompleteCheckpointError:
        return
    require(False, f"a checkpoint without {hole} is loaded")


def shared_weights(subject: Subject) -> set[str]:
    """Return the weights of the body that no task of the architecture does without."""
    bodies = []
    for task in subject.architecture.models:
        body = replace(subject, task=task).skeleton.base_model
        bodies.append({name for name, _ in body.named_parameters()})
    own = {name for name, _ in subject.skeleton.base_model.named_parameters()}
    for side, model in subject.skeleton.base_model.named_children():
        if isinstance(model, PreTrainedModel):
            # A composite's decoder gets a head, and learns to attend, when the two are joined.
            inside = f"{side}.{model.body}." if model.body else f"{side}."
            heads = {name for name in own if name.startswith(f"{side}.")}
            own -= {name for name in heads if inside not in name or "cross_attn" in name}
    # The body of a task that is about one part, as an encoder, says nothing of the other parts.
    parts = {name.partition(".")[0] for name in own if any(map(str.isdigit, name.split(".")))}
    whole = [names for names in bodies if parts <= {name.partition(".")[0] for name in names}]
    return own.intersection(*whole)


WEIGHT_CHECKS = (
    Rule(hub_names_round_trip),
    Rule(hub_names_have_no_word_of_the_core),
    Rule(tied_weights_share_storage, has_ties),
    Rule(vocabulary_is_tied_as_configured, ties_vocabulary),
    Rule(vocabulary_grows_in_every_layer, has_one_vocabulary),
    Rule(positions_grow_and_shrink, has_position_rows),
    Rule(first_values_are_as_configured),
    Rule(missing_weights_get_first_values),
    Rule(a_checkpoint_without_a_weight_is_refused),
)
