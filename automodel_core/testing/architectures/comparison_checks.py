"""Checks of models that compare texts with images, or look in images for what texts name."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from automodel_core.errors import InputError
from automodel_core.testing.architecture import Inputs
from automodel_core.testing.case import BATCH, TEXTS, Subject, outputs
from automodel_core.testing.check import Rule, require, require_close

__all__ = ["COMPARISON_CHECKS"]


def compares_texts_with_images(subject: Subject) -> bool:
    """Return whether the model scores each text with each image."""
    return subject.compares


def split(example: Inputs) -> tuple[Inputs, Inputs]:
    """Return the arguments that texts are, and those that images are."""
    images = {name: value for name, value in example.items() if name.startswith("pixel")}
    return {k: value for k, value in example.items() if k not in images}, images


def every_text_meets_every_image(subject: Subject) -> None:
    """Scores have a row for each text and a column for each image, and the reverse."""
    model = subject.model()
    texts, images = split(subject.example(model.config))
    more = {name: torch.cat([value, value[:1]]) for name, value in texts.items()}
    found = outputs(model, {**more, **images})
    scores = found["logits_per_text"]
    shape = (BATCH + 1, BATCH)
    require(scores.shape == shape, f"logits_per_text are {tuple(scores.shape)}, not {shape}")
    require_close(found["logits_per_image"], scores.t(), "logits_per_image")
    require_close(scores[BATCH], scores[0], "the scores of the same text")
    require(not torch.equal(scores[0], scores[1]), "all texts have the same scores")
    require(not torch.equal(scores[:, 0], scores[:, 1]), "all images have the same scores")


def scores_follow_the_angle(subject: Subject) -> None:
    """Vectors have length 1, and scores rise with their product, all at the same rate."""
    model = subject.model()
    found = outputs(model, subject.example(model.config))
    texts, images = found["text_embeds"], found["image_embeds"]
    for name, vectors in (("text_embeds", texts), ("image_embeds", images)):
        require_close(vectors.norm(dim=-1), torch.ones(len(vectors)), f"the length of {name}")
    cosines, scores = (texts @ images.t()).flatten(), found["logits_per_text"].flatten()
    nearer, higher = cosines - cosines[0], scores - scores[0]
    require_close(higher * nearer[1], nearer * higher[1], "what an angle makes of a score", 1e-3)
    require(bool(higher[1] * nearer[1] > 0), "scores fall where vectors come nearer")


def features_are_the_vectors(subject: Subject) -> None:
    """``get_text_features`` and ``get_image_features`` give the vectors that are compared."""
    model: Any = subject.model()
    texts, images = split(subject.example(model.config))
    expected = outputs(model, {**texts, **images})
    with torch.no_grad():
        found = {
            "text_embeds": model.get_text_features(**texts),
            "image_embeds": model.get_image_features(**images),
        }
    for name, vectors in found.items():
        lengths: Tensor = vectors.norm(dim=-1, keepdim=True)
        require_close(vectors / lengths, expected[name], f"features of {name}")


def loss_rewards_pairs(subject: Subject) -> None:
    """The loss knows which text belongs to which image.

    With two pairs, to exchange the texts adds half of what the scores of pairs have over the
    others, whether the loss is of a softmax or of a sigmoid.
    """
    model = subject.model()
    texts, images = split(subject.example(model.config))
    found = outputs(model, {**texts, **images}, return_loss=True)
    turned = {name: value.flip(0) for name, value in texts.items()}
    exchanged = outputs(model, {**turned, **images}, return_loss=True)
    scores = found["logits_per_text"]
    margin = 2 * scores.diagonal().sum() - scores.sum()
    require_close(exchanged["loss"] - found["loss"], margin / 2, "what exchanged texts add", 1e-3)


def looks_for_texts(subject: Subject) -> bool:
    """Return whether the model looks in each image for what several texts name."""
    return subject.looks_for_texts


def each_text_is_looked_for_by_itself(subject: Subject) -> None:
    """In another order texts have the same scores, and boxes are those of the image."""
    model = subject.model()
    texts, images = split(subject.example(model.config))
    found = outputs(model, {**texts, **images})
    scores, boxes = found["logits"], found["pred_boxes"]
    shape = (BATCH, boxes.shape[1], TEXTS)
    require(scores.shape == shape, f"logits are {tuple(scores.shape)}, not {shape}")
    turned = {
        name: value.unflatten(0, (BATCH, TEXTS)).flip(1).flatten(0, 1)
        for name, value in texts.items()
    }
    again = outputs(model, {**turned, **images})
    require_close(again["logits"].flip(-1), scores, "the scores of texts in another order")
    require_close(again["pred_boxes"], boxes, "boxes for texts in another order")
    require(not torch.equal(scores[..., 0], scores[..., 1]), "all texts have the same scores")


def boxes_are_shares_of_the_image(subject: Subject) -> None:
    """Boxes are centre and size, from 0 to 1, of each image its own."""
    model = subject.model()
    boxes = outputs(model, subject.example(model.config))["pred_boxes"]
    require(boxes.shape[-1] == 4, f"boxes are {tuple(boxes.shape)}: four numbers are a box")
    require(bool(((boxes >= 0) & (boxes <= 1)).all()), "boxes are not shares of the image")
    require(not torch.equal(boxes[0], boxes[1]), "all images have the same boxes")


def absent_texts_are_not_found(subject: Subject) -> None:
    """Where an image has fewer texts, those that fill up have the lowest score there is."""
    model = subject.model()
    texts, images = split(subject.example(model.config))
    found = outputs(model, {**texts, **images})["logits"]
    fewer = {**texts, "input_ids": texts["input_ids"].clone()}
    fewer["input_ids"][TEXTS - 1] = 0
    again = outputs(model, {**fewer, **images})["logits"]
    require((again[0, :, -1] == torch.finfo(again.dtype).min).all(), "an absent text has scores")
    again[0, :, -1] = found[0, :, -1]
    require_close(again, found, "the scores of other texts")


def texts_are_as_many_for_each_image(subject: Subject) -> None:
    """Texts that cannot be shared out to the images evenly are refused."""
    model = subject.model()
    texts, images = split(subject.example(model.config))
    fewer = {name: value[:-1] for name, value in texts.items()}
    try:
        outputs(model, {**fewer, **images})
    except InputError as error:
        count = str(BATCH * TEXTS - 1)
        require(count in str(error), f"the error does not name {count} texts: {error}")
    else:
        require(False, f"{BATCH * TEXTS - 1} texts for {BATCH} images, and nothing is said")


COMPARISON_CHECKS = (
    *(
        Rule(check, compares_texts_with_images)
        for check in (
            every_text_meets_every_image,
            scores_follow_the_angle,
            features_are_the_vectors,
            loss_rewards_pairs,
        )
    ),
    *(
        Rule(check, looks_for_texts)
        for check in (
            each_text_is_looked_for_by_itself,
            boxes_are_shares_of_the_image,
            absent_texts_are_not_found,
            texts_are_as_many_for_each_image,
        )
    ),
)
