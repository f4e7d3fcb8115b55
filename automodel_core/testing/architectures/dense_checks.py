"""Checks of what is said of each place in a picture: feature maps, depths, new pixels, classes."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from automodel_core.errors import ConfigurationError
from automodel_core.testing.architecture import Inputs
from automodel_core.testing.architectures.properties.building import base_class, gives_feature_maps
from automodel_core.testing.architectures.properties.learning import (
    estimates_depth,
    has_labels,
    scores_pixels,
)
from automodel_core.testing.case import BATCH, Subject, outputs
from automodel_core.testing.check import Rule, require, require_close

__all__ = ["DENSE_CHECKS"]


def maps_are_those_of_their_stages(subject: Subject) -> None:
    """A stage gives the same map alone as among all, by name and by number, as wide as it says."""
    model: Any = subject.model()
    example = subject.example(model.config)
    names = model.stage_names
    model.out_features = names
    require(model.out_indices == list(range(len(names))), "all stages have not all numbers")
    with torch.no_grad():
        every = model(**example).feature_maps
    require(len(every) == len(names), f"{len(every)} maps of {len(names)} stages")
    for index, (name, expected) in enumerate(zip(names, every, strict=True)):
        for chosen in ({"out_features": [name]}, {"out_indices": [index - len(names)]}):
            for key, value in chosen.items():
                setattr(model, key, value)
            with torch.no_grad():
                found = model(**example).feature_maps
            require(len(found) == 1, f"{len(found)} maps with {chosen}")
            require_close(found[0], expected, f"the map of {name}, with {chosen}")
            require(model.out_features == [name], f"{chosen} is {model.out_features}")
            require(model.channels == [found[0].shape[1]], f"channels of {name}: {model.channels}")


def stages_out_of_order_are_refused(subject: Subject) -> None:
    """Stages stand in the order in which they are computed, each once."""
    config: Any = subject.config()
    last = len(config.stage_names) - 1
    for indices in ([last, 0], [0, 0], [last + 1]):
        try:
            config.out_indices = indices
        except ConfigurationError:
            continue
        require(False, f"out_indices={indices} is taken")


def chosen_maps_survive_files(subject: Subject) -> None:
    """A checkpoint knows which maps it gives; a caller may ask for others."""
    model: Any = subject.model()
    model.out_indices = [0, len(model.stage_names) - 1]
    example = subject.example(model.config)
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        again = subject.auto_class.from_pretrained(folder)
        other = subject.auto_class.from_pretrained(folder, out_features=model.stage_names[:1])
    require(again.out_features == model.out_features, f"{again.out_features} after loading")
    with torch.no_grad():
        first, expected = (each(**example).feature_maps for each in (other, model))
    require(len(first) == 1, f"{len(first)} maps of one stage")
    require_close(first[0], expected[0], "the map of the first stage")


def a_backbone_loads_its_bodys_checkpoint(subject: Subject) -> None:
    """What an architecture's body is trained for, its backbone reads."""
    model: Any = subject.model()
    body = base_class(subject)(model.config)
    with tempfile.TemporaryDirectory() as folder:
        body.save_pretrained(folder)
        again = subject.auto_class.from_pretrained(folder)
    trained, read = body.hub_state_dict(), again.hub_state_dict()
    prefix = f"{type(again).base_model_prefix}."
    values = {name.removeprefix(prefix): value for name, value in read.items()}
    same = [name for name, value in trained.items() if torch.equal(values.get(name, value), value)]
    require(len(same) == len(trained), f"{set(trained) - set(same)} changed")
    require(bool(trained.keys() & values.keys()), f"none of {sorted(values)} is the body's")


def has_a_base(subject: Subject) -> bool:
    """Return whether the architecture of a backbone has a body by itself."""
    return gives_feature_maps(subject) and base_class(subject) is not None


def depths_lie_over_the_picture(subject: Subject) -> None:
    """There is a depth for each place of a picture, in a plane of its own."""
    model: Any = subject.model()
    example = subject.example(model.config)
    depth = outputs(model, example)["predicted_depth"]
    require(depth.dim() == 3 and len(depth) == BATCH, f"depths are {tuple(depth.shape)}")
    height, width = example["pixel_values"].shape[-2:]
    ratio = depth.shape[1] * width / (depth.shape[2] * height)
    require(abs(ratio - 1) < 0.1, f"{tuple(depth.shape)} of pictures {height} x {width}")


def makes_images(subject: Subject) -> bool:
    """Return whether the model makes images of images."""
    return subject.sees_images and subject.task == "image-to-image"


def made_images_lie_over_the_picture(subject: Subject) -> None:
    """An image has as many pixels below and beside each other for each that it is made of."""
    model: Any = subject.model()
    example = subject.example(model.config)
    made, seen = outputs(model, example)["reconstruction"], example["pixel_values"]
    edges = list(zip(made.shape[-2:], seen.shape[-2:], strict=True))
    whole = all(own % edge == 0 for own, edge in edges)
    scales = {own // edge for own, edge in edges}
    require(
        made.dim() == 4 and len(made) == BATCH and whole and len(scales) == 1,
        f"images are {tuple(made.shape)}, of {tuple(seen.shape)}",
    )


def images_as_made_cost_nothing(subject: Subject) -> None:
    """The loss is zero for the images that the model makes, and grows with the distance."""
    model: Any = subject.model()
    example = subject.example(model.config)
    made = outputs(model, example)["reconstruction"]
    losses = [outputs(model, {**example, "labels": made + step})["loss"] for step in (0, 0.1, 1)]
    require_close(losses[0], torch.zeros(()), "the loss of the images that the model makes")
    require(losses[0] < losses[1] < losses[2], f"losses of ever other images are {losses}")


def loss_is_the_mean_of_the_labelled_pixels(subject: Subject) -> None:
    """Each labelled pixel counts as much as another, and one that is not counts for nothing."""
    model: Any = subject.model()
    ignored = model.config.semantic_loss_ignore_index
    example, labels = subject.example(model.config), subject.pixel_classes(model.config)
    middle = labels.shape[-1] // 2

    def loss(columns: slice) -> Tensor:
        counted = torch.full_like(labels, ignored)
        counted[..., columns] = labels[..., columns]
        return outputs(model, {**example, "labels": counted})["loss"]

    halves = torch.stack([loss(slice(middle)), loss(slice(middle, 2 * middle))])
    require_close(loss(slice(2 * middle)), halves.mean(), "the loss of two halves of a picture")
    require(not torch.equal(halves[0], halves[1]), "both halves of a picture have one loss")


def loss_is_that_of_the_pixels_scores(subject: Subject) -> None:
    """The loss is the cross-entropy of the scores, resized; a second head may add to it."""
    model: Any = subject.model()
    example, labels = subject.example(model.config), subject.pixel_classes(model.config)
    labels[0, 0] = model.config.semantic_loss_ignore_index
    output = model(**example, labels=labels)
    scores = F.interpolate(output.logits, labels.shape[-2:], mode="bilinear")
    expected = F.cross_entropy(scores, labels, ignore_index=model.config.semantic_loss_ignore_index)
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    reached = []
    for loss in (expected, output.loss):
        gradients: Any = torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True)
        reached.append([gradient is not None for gradient in gradients])
    if reached[0] == reached[1]:
        require_close(output.loss.detach(), expected.detach(), "the loss")
    else:
        require(bool(output.loss > expected), "a second head takes from the loss of the first")


def learns_what_is_where(subject: Subject) -> bool:
    """Return whether the model learns objects in images, by boxes or masks."""
    return subject.learns_objects or subject.learns_masks


def loss_of(subject: Subject, model: Any, labels: Inputs) -> Tensor:
    """Return the loss of labels, where what is drawn by chance is drawn alike each time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        return outputs(model, {**subject.example(model.config), **labels})["loss"]


def with_objects(labels: Inputs, change: Callable[[str, Tensor], Tensor]) -> Inputs:
    """Return labels of objects with ``change(name, tensor)`` in place of each tensor."""
    return {
        name: [
            change(name, each)
            if isinstance(each, Tensor)
            else {key: change(key, part) for key, part in each.items()}
            for each in images
        ]
        for name, images in labels.items()
    }


def objects_have_no_order(subject: Subject) -> None:
    """The objects of an image are learnt alike in whatever order they are given."""
    model: Any = subject.model()
    labels = subject.labels(model.config)
    turned = with_objects(labels, lambda _, each: each.flip(0))
    found, expected = (loss_of(subject, model, each) for each in (turned, labels))
    require_close(found, expected, "the loss of objects in another order")


def what_an_object_is_matters(subject: Subject) -> None:
    """Other masks, boxes or classes than an object's have another loss."""
    model: Any = subject.model()
    labels = subject.labels(model.config)
    before, count = loss_of(subject, model, labels), model.config.num_labels
    place = "mask_labels" if subject.learns_masks else "boxes"

    def elsewhere(name: str, each: Tensor) -> Tensor:
        return each / 2 if name == place else each

    def of_the_next_class(name: str, each: Tensor) -> Tensor:
        return (each + 1) % count if name == "class_labels" else each

    for change in (elsewhere, of_the_next_class) if count > 1 else (elsewhere,):
        after = loss_of(subject, model, with_objects(labels, change))
        require(not torch.equal(after, before), f"objects {change.__name__} have the same loss")


DENSE_CHECKS = (
    Rule(maps_are_those_of_their_stages, gives_feature_maps),
    Rule(stages_out_of_order_are_refused, gives_feature_maps),
    Rule(chosen_maps_survive_files, gives_feature_maps),
    Rule(a_backbone_loads_its_bodys_checkpoint, has_a_base),
    Rule(depths_lie_over_the_picture, estimates_depth),
    Rule(made_images_lie_over_the_picture, makes_images),
    Rule(images_as_made_cost_nothing, makes_images, has_labels),
    Rule(objects_have_no_order, learns_what_is_where, has_labels),
    Rule(what_an_object_is_matters, learns_what_is_where, has_labels),
    Rule(loss_is_the_mean_of_the_labelled_pixels, scores_pixels, has_labels),
    Rule(loss_is_that_of_the_pixels_scores, scores_pixels, has_labels),
)
