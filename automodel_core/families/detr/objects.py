"""The head that says which objects queries have found, and what it learns from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core.detection.losses import (
    box_losses,
    cardinality_error,
    class_loss,
    mask_losses,
    mean_count,
)
from automodel_core.detection.matching import box_costs, match
from automodel_core.errors import InputError
from automodel_core.layers.kernels.linear import linear, project
from automodel_core.modeling.outputs.base import FILLED, ModelOutput
from automodel_core.modeling.pretrained.base import PreTrainedModel

__all__ = [
    "PredictionHead",
    "QueryDetectionOutput",
    "QueryObjectDetection",
    "SetCriterion",
    "Targets",
]

Targets = list[dict[str, Tensor]]
"""What is known of each image: ``class_labels`` ``(objects,)``, ``boxes`` ``(objects, 4)``, ..."""


@dataclass
class QueryDetectionOutput(ModelOutput):
    """Classes ``(batch, queries, labels + 1)`` and boxes ``(batch, queries, 4)`` of queries.

    The last class is "no object". Boxes are centre x, centre y, width and height, as shares of the
    image.
    """

    loss: Tensor | None = None
    loss_dict: dict[str, Tensor] | None = None
    logits: Tensor = FILLED
    pred_boxes: Tensor = FILLED
    auxiliary_outputs: list[dict[str, Tensor]] | None = None
    last_hidden_state: Tensor | None = None


class PredictionHead(nn.Module):
    """Three layers, ReLU between them, from a state to ``width`` numbers."""

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(linear(size, each) for each in (size, size, width))

    def forward(self, states: Tensor) -> Tensor:
        for layer in self.layers[:-1]:
            states = F.relu(project(layer, states))
        return project(self.layers[-1], states)


class QueryObjectDetection(PreTrainedModel):
    """A model with a head for the classes of queries and one for their boxes."""

    class_labels_classifier: nn.Module
    bbox_predictor: nn.Module

    @property
    def loss_weights(self) -> dict[str, float]:
        """How much each loss counts; others are there to be logged."""
        config: Any = self.config
        return {
            "loss_ce": 1.0,
            "loss_bbox": config.bbox_loss_coefficient,
            "loss_giou": config.giou_loss_coefficient,
        }

    def predict(self, states: Tensor) -> dict[str, Tensor]:
        """Return classes and boxes of queries ``(batch, queries, size)``."""
        logits = project(self.class_labels_classifier, states)
        return {"logits": logits, "pred_boxes": self.bbox_predictor(states).sigmoid()}

    def add_losses(
        self, output: Any, labels: Targets, earlier: Iterable[Tensor] | None = None
    ) -> None:
        """Add the losses of predictions to an output.

        With ``auxiliary_loss`` the ``earlier`` states of queries, of all layers but the last, are
        predicted from and learn too.
        """
        config: Any = self.config
        criterion = SetCriterion(config, labels, self.loss_weights, output.logits.device)
        found = criterion.losses(dict(output.items()))
        if config.auxiliary_loss and earlier is not None:
            output.auxiliary_outputs = [self.predict(states) for states in earlier]
            for number, each in enumerate(output.auxiliary_outputs):
                found |= {f"{k}_{number}": v for k, v in criterion.losses(each).items()}
        output.loss_dict = found
        output.loss = criterion.total(found)


class SetCriterion:
    """The loss of a set of predictions: each object has the query that fits it best.

    ``weights`` say how much each loss counts.
    """

    def __init__(
        self,
        config: Any,
        labels: Sequence[Mapping[str, Tensor]],
        weights: Mapping[str, float],
        device: torch.device,
    ) -> None:
        self.config = config
        self.weights = weights
        self.targets = [{key: value.to(device) for key, value in each.items()} for each in labels]
        self.counts = [len(each["class_labels"]) for each in labels]
        self.count = mean_count(self.targets, device)

    def losses(self, predicted: Mapping[str, Any]) -> dict[str, Tensor]:
        """Return the losses of classes and boxes, and of masks where they are predicted."""
        config, targets = self.config, self.targets
        logits, boxes = predicted["logits"], predicted["pred_boxes"]
        wanted = logits.shape[0]
        if len(targets) != wanted:
            raise InputError(f"{len(targets)} labels were given for {wanted} images")
        costs = box_costs(
            logits, boxes, targets, (config.class_cost, config.bbox_cost, config.giou_cost)
        )
        pairs = match(costs, self.counts)
        found = {
            "loss_ce": class_loss(logits, targets, pairs, config.eos_coefficient),
            **box_losses(boxes, targets, pairs, self.count),
            "cardinality_error": cardinality_error(logits, targets),
        }
        if "pred_masks" in predicted:
            found |= mask_losses(predicted["pred_masks"], targets, pairs, self.count)
        return found

    def total(self, found: Mapping[str, Tensor]) -> Tensor:
        """Return the weighted sum; those of a layer have its number behind their name."""
        return torch.stack(
            [
                self.weights[name] * loss
                for key, loss in found.items()
                if (name := key.rstrip("0123456789").rstrip("_")) in self.weights
            ]
        ).sum()
