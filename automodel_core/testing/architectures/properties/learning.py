"""Properties of what a model learns.

A check that needs a property which a model lacks is listed as not applicable, under its name.
"""

from __future__ import annotations

from automodel_core.modeling.heads.text import TextModelForReplacedTokens
from automodel_core.testing.case import KEYPOINTS, Subject, outputs
from automodel_core.testing.drawn.sounds import OTHER_LOSSES

__all__ = [
    "answers_about_images",
    "classifies",
    "classifies_whole_inputs",
    "estimates_depth",
    "finds_points",
    "has_labels",
    "has_usual_loss",
    "rebuilds_pictures",
    "scores_pixels",
]


def answers_about_images(subject: Subject) -> bool:
    """Return whether the model scores answers, several of which may be right."""
    return subject.task == "visual-question-answering" and "labels" in subject.accepted


def finds_points(subject: Subject) -> bool:
    """Return whether the model finds points in images, in each as many as there are."""
    return KEYPOINTS in outputs(subject.model(), subject.example(subject.config()))


def has_labels(subject: Subject) -> object:
    """Return whether the model gives a loss."""
    return subject.labels(subject.config())


def has_usual_loss(subject: Subject) -> bool:
    """Return whether the loss is a cross-entropy of classes, as of tokens, texts or positions."""
    others = scores_pixels, estimates_depth, detects_replaced_tokens, answers_about_images
    places = subject.learns_objects, subject.learns_masks, subject.selects_cells
    more = subject.takes_prompts, subject.compares, subject.task in OTHER_LOSSES
    if any(places) or any(more) or any(learns(subject) for learns in others):
        return False
    return subject.reads_text or "labels" in subject.labels(subject.config())


def detects_replaced_tokens(subject: Subject) -> bool:
    """Return whether the model learns which tokens were replaced."""
    return issubclass(subject.model_class, TextModelForReplacedTokens)


def scores_pixels(subject: Subject) -> bool:
    """Return whether the model learns a class for each pixel."""
    return subject.sees_images and subject.task == "semantic-segmentation"


def estimates_depth(subject: Subject) -> bool:
    """Return whether the model gives a depth for each pixel."""
    return subject.sees_images and subject.task == "depth-estimation"


def rebuilds_pictures(subject: Subject) -> bool:
    """Return whether the model rebuilds pixels that were hidden."""
    return subject.sees_images and subject.task == "masked-image-modeling"


def classifies(subject: Subject) -> bool:
    """Return whether the model scores labels that the configuration names."""
    kinds = ("audio", "image", "sequence", "token", "video")
    return subject.task in [f"{kind}-classification" for kind in kinds] or scores_pixels(subject)


def classifies_whole_inputs(subject: Subject) -> bool:
    """Return whether the model gives labels or numbers to whole inputs, by a loss of its own."""
    return (
        classifies(subject)
        and subject.task != "token-classification"
        and not scores_pixels(subject)
        and bool(subject.labels(subject.config()))
    )
