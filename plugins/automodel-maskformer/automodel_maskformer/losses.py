"""What models learn from: each object has the query that says its class and mask best."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from automodel_core import detection
from automodel_core.errors import InputError
from automodel_maskformer.configuration import Mask2FormerConfig, MaskFormerConfig

Targets = list[dict[str, Tensor]]


def targets_of(
    mask_labels: Sequence[Tensor], class_labels: Sequence[Tensor], images: Tensor
) -> Targets:
    """Return ``masks`` and ``class_labels`` of each image, where its predictions are."""
    if not len(mask_labels) == len(class_labels) == len(images):
        raise InputError(
            f"{len(mask_labels)} mask_labels and {len(class_labels)} class_labels were given for "
            f"{len(images)} images"
        )
    targets = []
    for masks, classes in zip(mask_labels, class_labels, strict=True):
        if masks.dim() != 3 or len(masks) != len(classes):
            raise InputError(
                f"mask_labels of an image are {tuple(masks.shape)}, and its class_labels "
                f"{tuple(classes.shape)}: expected (objects, height, width) and (objects,)"
            )
        targets.append(
            {"masks": masks.to(images), "class_labels": classes.to(images.device, torch.int64)}
        )
    return targets


@dataclass(frozen=True)
class MaskCriterion:
    """How well queries fit objects, in what they are matched by and in what they learn from.

    ``mask_costs`` are of the logits ``(queries, rows, columns)`` of an image and of the masks
    ``(objects, height, width)`` that are wanted; ``mask_losses`` are ``loss_mask`` and
    ``loss_dice``, as of `automodel_core.detection.mask_losses`. ``weights`` say how much the losses
    count, ``class_cost`` how much the class does for the match, and ``nothing`` how much queries do
    that have no object.
    """

    mask_costs: Callable[[Tensor, Tensor], Tensor]
    mask_losses: Callable[[Tensor, Targets, list[detection.Pairs], Tensor], dict[str, Tensor]]
    weights: Mapping[str, float]
    class_cost: float
    nothing: float

    def loss(self, predictions: Sequence[Mapping[str, Tensor]], targets: Targets) -> Tensor:
        """Return the loss of the predictions of one or several layers, weighed and summed."""
        count = detection.mean_count(targets, targets[0]["masks"].device)
        total = []
        for predicted in predictions:
            classes = predicted["class_queries_logits"]
            masks = predicted["masks_queries_logits"]
            pairs = self.matched(classes, masks, targets)
            found = self.mask_losses(masks, targets, pairs, count)
            found["loss_class"] = detection.class_loss(classes, targets, pairs, self.nothing)
            total += [weight * found[name] for name, weight in self.weights.items()]
        return torch.stack(total).sum()

    @torch.no_grad()
    def matched(self, classes: Tensor, masks: Tensor, targets: Targets) -> list[detection.Pairs]:
        """Return the queries of the objects of each image."""
        return detection.match_each(
            [
                self.mask_costs(drawn, target["masks"])
                - self.class_cost * logits.softmax(-1)[:, target["class_labels"]]
                for logits, drawn, target in zip(classes, masks, targets, strict=True)
            ]
        )


def whole_masks(config: MaskFormerConfig) -> MaskCriterion:
    """Return how MaskFormer learns: from all pixels, matched where the queries' are."""

    def costs(drawn: Tensor, wanted: Tensor) -> Tensor:
        size = drawn.shape[-2:]
        wanted = F.interpolate(wanted[:, None], size=size, mode="nearest").flatten(1)
        drawn = drawn.flatten(1)
        return config.mask_weight * detection.focal_costs(
            drawn, wanted
        ) + config.dice_weight * detection.dice_costs(drawn, wanted)

    weights = {
        "loss_mask": config.mask_weight,
        "loss_dice": config.dice_weight,
        "loss_class": config.cross_entropy_weight,
    }
    return MaskCriterion(costs, detection.mask_losses, weights, 1.0, config.no_object_weight)


def sampled_masks(config: Mask2FormerConfig) -> MaskCriterion:
    """Return how Mask2Former learns: from some of the pixels, in single precision at least."""
    sampling = detection.PointSampling(
        config.train_num_points, config.oversample_ratio, config.importance_sample_ratio
    )

    def costs(drawn: Tensor, wanted: Tensor) -> Tensor:
        places = sampling.anywhere(drawn)
        drawn, wanted = (detection.sample_at(each[None], places)[0] for each in (drawn, wanted))
        return config.mask_weight * detection.cross_entropy_costs(
            drawn, wanted
        ) + config.dice_weight * detection.dice_costs(drawn, wanted)

    weights = {
        "loss_mask": config.mask_weight,
        "loss_dice": config.dice_weight,
        "loss_class": config.class_weight,
    }
    losses = partial(detection.sampled_mask_losses, sampling=sampling)
    return MaskCriterion(costs, losses, weights, config.class_weight, config.no_object_weight)
