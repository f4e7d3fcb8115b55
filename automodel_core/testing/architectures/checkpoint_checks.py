"""Checks of building, saving and loading."""

from __future__ import annotations

import pickle  # noqa: TID251 - of its own making
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from automodel_core.modeling.pretrained.base import PreTrainedModel
from automodel_core.testing.architectures.properties.building import base_class, has_a_body
from automodel_core.testing.case import Subject, tensors_of
from automodel_core.testing.check import Rule, require, require_close

__all__ = ["CHECKPOINT_CHECKS"]


def weights_of(model: PreTrainedModel) -> dict[str, Tensor]:
    """Return what a checkpoint of the model must hold: parameters and lasting buffers."""
    return {name: value.detach() for name, value in model.state_dict().items()}


def require_equal_weights(again: PreTrainedModel, model: PreTrainedModel) -> None:
    """Raise unless two models hold the same bits."""
    before, after = weights_of(model), weights_of(again)
    require(before.keys() == after.keys(), f"names differ: {set(before) ^ set(after)}")
    for name, value in before.items():
        require(torch.equal(value, after[name]), f"{name} changed")


def builds_without_memory(subject: Subject) -> None:
    """Under ``torch.device("meta")`` no parameter gets memory, and names stay the same."""
    with torch.device("meta"):
        model = subject.model_class(subject.config())
    real = [name for name, parameter in model.named_parameters() if not parameter.is_meta]
    require(not real, f"{real} get memory on the meta device")
    require(set(model.state_dict()) == set(subject.model().state_dict()), "the names differ there")


def saves_and_loads_bit_equal(subject: Subject) -> None:
    """The Auto class loads what was saved: same class, bits and outputs, nothing to report."""
    model = subject.model()
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        again, info = subject.auto_class.from_pretrained(folder, output_loading_info=True)
    require(type(again) is type(model), f"the Auto class makes a {type(again).__name__}")
    require(not again.training, "a loaded model is in training mode")
    require(not any(info.values()), f"the load report is not empty: {info}")
    require_equal_weights(again, model)
    example = subject.example(model.config)
    with torch.no_grad():
        before, after = tensors_of(model(**example)), tensors_of(again(**example))
    for name, value in before.items():
        require(torch.equal(value, after[name]), f"{name} changed by saving and loading")


def weights_have_storage_of_their_own(subject: Subject) -> None:
    """No two loaded weights share a storage, which savers of other libraries take for a tie."""
    with tempfile.TemporaryDirectory() as folder:
        subject.model().save_pretrained(folder)
        again = subject.auto_class.from_pretrained(folder)
    owners: dict[int, str] = {}
    for name, parameter in again.named_parameters():  # tied ones are one parameter
        first = owners.setdefault(parameter.untyped_storage().data_ptr(), name)
        require(first == name or not parameter.numel(), f"{name} shares the storage of {first}")


def loads_from_shards(subject: Subject) -> None:
    """Many small files load as one does."""
    model = subject.model()
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder, max_shard_size=2000)
        index = Path(folder, "model.safetensors.index.json")
        require(index.is_file() or len(weights_of(model)) < 2, "2000 bytes hold all weights")
        require_equal_weights(subject.auto_class.from_pretrained(folder), model)


def weights_of_eight_bits_are_near(subject: Subject) -> None:
    """With ``weights="int8"`` the model computes nearly the same."""
    model = subject.model()
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        again = subject.auto_class.from_pretrained(folder, weights="int8")
    example = subject.example(model.config)
    with torch.no_grad():
        before, after = tensors_of(model(**example)), tensors_of(again(**example))
    for name, value in before.items():
        if value.is_floating_point():
            error = float((after[name] - value).norm() / value.norm().clamp_min(1e-6))
            require(error < 0.1, f"{name} is {error:.0%} off")


def body_and_head_share_checkpoints(subject: Subject) -> None:
    """A head loads a body's checkpoint, and the body a head's."""
    model = subject.model()
    body: Any = model.base_model
    base = base_class(subject)
    with tempfile.TemporaryDirectory() as folder:
        body.save_pretrained(folder)
        headed = subject.auto_class.from_pretrained(folder)
        require_equal_weights(headed.base_model, body)
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        alone = base.from_pretrained(folder)
    values = weights_of(body)
    for name, value in weights_of(alone).items():
        require(name not in values or torch.equal(value, values[name]), f"{name} changed")


def model_pickles(subject: Subject) -> None:
    """A pickle of the model computes the same, so that it can be sent to other processes."""
    model = subject.model()
    again = pickle.loads(pickle.dumps(model))  # noqa: S301
    require_equal_weights(again, model)
    example = subject.example(model.config)
    with torch.no_grad():
        before, after = tensors_of(model(**example)), tensors_of(again(**example))
    for name, value in before.items():
        require_close(after[name], value, name)


CHECKPOINT_CHECKS = (
    Rule(builds_without_memory),
    Rule(saves_and_loads_bit_equal),
    Rule(weights_have_storage_of_their_own),
    Rule(loads_from_shards),
    Rule(weights_of_eight_bits_are_near),
    Rule(body_and_head_share_checkpoints, has_a_body),
    Rule(model_pickles),
)
