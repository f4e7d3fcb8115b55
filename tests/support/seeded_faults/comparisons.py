"""Faults in models that see texts with images."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from automodel_clip import modeling as clip
from automodel_core.modeling.heads import two_towers
from automodel_core.modeling.losses.contrastive import softmax_contrastive_loss
from automodel_vilt import embeddings as vilt, heads as vilt_heads
from support.seeded_faults.seed import after_forward, around, seen


@seen("clip", "every_text_meets_every_image-base")
def scores_are_not_turned(patch: pytest.MonkeyPatch) -> None:
    """Scores of images have a row for each text."""

    def change(output: Any, **_: Any) -> None:
        output.logits_per_image = output.logits_per_text

    after_forward(patch, clip.CLIPModel, change)


@seen("clip", "every_text_meets_every_image-base")
def texts_share_a_state(patch: pytest.MonkeyPatch) -> None:
    """The state of the first token, which all texts have, stands for a text."""
    patch.setattr(clip.CLIPTextModel, "pool", lambda model, states, inputs: states[:, 0] * 0 + 1)


@seen("clip", "scores_follow_the_angle-base")
def vectors_keep_their_lengths(patch: pytest.MonkeyPatch) -> None:
    """Vectors are compared as long as they are."""
    patch.setattr(two_towers.F, "normalize", lambda vectors, dim: vectors)


@seen("clip", "scores_follow_the_angle-base")
def scores_are_distances(patch: pytest.MonkeyPatch) -> None:
    """Scores are distances, which fall where vectors come nearer."""
    patch.setattr(clip.CLIPModel, "score", lambda model, texts, images: torch.cdist(texts, images))


@seen("clip", "features_are_the_vectors-base")
def features_are_not_projected(patch: pytest.MonkeyPatch) -> None:
    """The features of texts and images are the states before they are projected."""
    patch.setattr(two_towers, "features", lambda output, *_: output.pooler_output)


@seen("clip", "loss_rewards_pairs-base")
def pairs_are_crossed(patch: pytest.MonkeyPatch) -> None:
    """The first text is trained to fit the last image."""

    def crossed(scores: Tensor) -> Tensor:
        return softmax_contrastive_loss(scores.flip(0))

    patch.setattr(clip.CLIPModel, "pair_loss", staticmethod(crossed))


@seen("clip", "loss_rewards_pairs-base")
def loss_is_of_cosines(patch: pytest.MonkeyPatch) -> None:
    """The loss is of scaled scores."""

    def scaled(scores: Tensor) -> Tensor:
        return softmax_contrastive_loss(scores / 10)

    patch.setattr(clip.CLIPModel, "pair_loss", staticmethod(scaled))


@seen(
    "clip", "padding_changes_nothing-base", "padding_changes_nothing-zero-shot-image-classification"
)
def padding_stands_for_a_text(patch: pytest.MonkeyPatch) -> None:
    """The state of the last position, padding or not, stands for a text."""
    patch.setattr(clip.CLIPTextModel, "pool", lambda model, states, inputs: states[:, -1])


@seen("clip", "positions_fit_other_sizes-base")
def other_sizes_are_cut(patch: pytest.MonkeyPatch) -> None:
    """Images of any size are taken without a word, and cut to the usual one."""

    def cut(original: Any, embeddings: Any, pixel_values: Tensor, interpolate: bool) -> Any:
        height, width = embeddings.image_size
        kept = pixel_values if interpolate else pixel_values[..., :height, :width]
        return original(embeddings, kept, interpolate)

    around(patch, clip.ImageEmbeddings, "forward", cut)


@seen("vilt", "padded_pixels_change_nothing-base")
def padded_pixels_are_seen(patch: pytest.MonkeyPatch) -> None:
    """The mask of padded images is ignored."""

    def whole(original: Any, embeddings: Any, pixel_values: Tensor, pixel_mask: Any) -> Any:
        return original(embeddings, pixel_values, None)

    around(patch, vilt.ImageEmbeddings, "forward", whole)


@seen("vilt", "loss_is_that_of_the_answers-visual-question-answering")
def answers_are_averaged(patch: pytest.MonkeyPatch) -> None:
    """The loss of answers is a mean over them, not a sum."""

    def change(output: Any, **_: Any) -> None:
        if output.loss is not None:
            output.loss = output.loss / output.logits.shape[1]

    after_forward(patch, vilt_heads.ViltForQuestionAnswering, change)
