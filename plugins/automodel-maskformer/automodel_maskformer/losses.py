"""What MaskFormer learns from: each object has the query that says its class and mask best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from automodel_core import detection
from automodel_core.errors import InputError
from automodel_maskformer.configuration import MaskFormerConfig

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


@torch.no_grad()
def matched(
    predicted: Mapping[str, Tensor], targets: Targets, config: MaskFormerConfig
) -> list[detection.Pairs]:
    """Return the queries of the objects of each image, by class and by masks of queries' size."""
    costs = []
    classes, masks = predicted["class_queries_logits"], predicted["masks_queries_logits"]
    for logits, drawn, target in zip(classes, masks, targets, strict=True):
        size = drawn.shape[-2:]
        wanted = F.interpolate(target["masks"][:, None], size=size, mode="nearest").flatten(1)
        drawn = drawn.flatten(1)
        costs.append(
            config.mask_weight * detection.focal_costs(drawn, wanted)
            + config.dice_weight * detection.dice_costs(drawn, wanted)
            - logits.softmax(-1)[:, target["class_labels"]]
        )
    return detection.match_each(costs)


def mask_set_loss(
    predictions: Sequence[Mapping[str, Tensor]], targets: Targets, config: MaskFormerConfig
) -> Tensor:
    """Return the loss of the predictions of one or several layers, weighed and summed."""
    count = detection.mean_count(targets, targets[0]["masks"].device)
    total = []
    for predicted in predictions:
        pairs = matched(predicted, targets, config)
        of_masks = detection.mask_losses(predicted["masks_queries_logits"], targets, pairs, count)
        of_classes = detection.class_loss(
            predicted["class_queries_logits"], targets, pairs, config.no_object_weight
        )
        total += [
            config.mask_weight * of_masks["loss_mask"],
            config.dice_weight * of_masks["loss_dice"],
            config.cross_entropy_weight * of_classes,
        ]
    return torch.stack(total).sum()
