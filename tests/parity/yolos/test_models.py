"""YOLOS equals the reference: numbers, gradients, files."""

from __future__ import annotations

from typing import Any

import torch

from parity.yolos.cases import YOLOS
from support.images import ImageCase
from support.reference import assert_close
from support.vision import ImageParity


class TestYolos(ImageParity):
    family = YOLOS

    def halved(self, given: dict[str, Any]) -> dict[str, Any]:
        return {**given, "pixel_values": given["pixel_values"].bfloat16()}


def test_losses_of_every_layer() -> None:
    """The reference computes them nowhere; the last layer's are its own without the others."""
    head, case = "YolosForObjectDetection", YOLOS.cases["other images"]
    reference = YOLOS.reference(case, head)
    model = YOLOS.ours_from(reference)
    model.config.auxiliary_loss = True
    given = YOLOS.batch(case, head)
    given |= YOLOS.labels(head, given, reference.config)
    theirs, ours = reference(**given, output_hidden_states=True), model(**given)
    for name, value in theirs.loss_dict.items():
        assert_close(ours.loss_dict[name], value, name)
    assert len(ours.auxiliary_outputs) == reference.config.num_hidden_layers - 1
    for layer, found in enumerate(ours.auxiliary_outputs):
        states = reference.vit.layernorm(theirs.hidden_states[1 + layer])[:, -7:]
        assert_close(found["logits"], reference.class_labels_classifier(states), "logits")
        assert_close(found["pred_boxes"], reference.bbox_predictor(states).sigmoid(), "boxes")
    every = [ours.loss_dict[f"loss_ce{end}"] for end in ("", "_0", "_1")]
    assert len({loss.item() for loss in every}) == 3
    weights = {"loss_ce": 1, "loss_bbox": 5, "loss_giou": 2}
    total = sum(
        weight * ours.loss_dict[f"{name}{end}"]
        for name, weight in weights.items()
        for end in ("", "_0", "_1")
    )
    assert_close(ours.loss, torch.as_tensor(total), "loss")


def test_a_mask_of_pixels_is_taken_and_changes_nothing() -> None:
    for head in YOLOS.heads:
        reference, model = YOLOS.pair(ImageCase(), head)
        given = YOLOS.batch(ImageCase(), head)
        mask = torch.zeros_like(given["pixel_values"][:, 0], dtype=torch.long)
        with torch.no_grad():
            expected = reference(**given).last_hidden_state
            assert_close(model(**given, pixel_mask=mask).last_hidden_state, expected, head)
