"""Faults in models that see texts with images."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from automodel_clip import modeling as clip
from automodel_core.families.clip import towers
from automodel_core.modeling.heads import two_towers
from automodel_core.modeling.losses.contrastive import softmax_contrastive_loss
from automodel_owlvit import detection as owlvit
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

    around(patch, towers.ImageEmbeddings, "forward", cut)


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


def class_predictor(patch: pytest.MonkeyPatch, change: Any) -> None:
    """Let ``change`` stand in for what scores patches for queries."""
    around(patch, owlvit.OwlViTForObjectDetection, "class_predictor", change)


@seen("owlvit", "rows_do_not_meet-zero-shot-object-detection")
def texts_are_shared_out_in_turn(patch: pytest.MonkeyPatch) -> None:
    """The first text is looked for in the first image, the second in the second."""

    def in_turn(original: Any, model: Any, patches: Tensor, queries: Tensor, shown: Any) -> Any:
        images, texts, size = queries.shape
        turned = queries.reshape(texts, images, size).transpose(0, 1)
        return original(model, patches, turned, shown)

    class_predictor(patch, in_turn)


@seen("owlvit", "each_text_is_looked_for_by_itself-zero-shot-object-detection")
def the_first_text_is_looked_for(patch: pytest.MonkeyPatch) -> None:
    """What the first text of an image names is found for all of its texts."""

    def first(original: Any, model: Any, patches: Tensor, queries: Tensor, shown: Any) -> Any:
        return original(model, patches, queries[:, :1].expand_as(queries), shown)

    class_predictor(patch, first)


@seen("owlvit", "absent_texts_are_not_found-zero-shot-object-detection")
def absent_texts_are_looked_for(patch: pytest.MonkeyPatch) -> None:
    """Texts that only fill up those of an image are looked for too."""

    def all_shown(original: Any, model: Any, patches: Tensor, queries: Tensor, shown: Any) -> Any:
        return original(model, patches, queries, None)

    class_predictor(patch, all_shown)


@seen("owlvit", "absent_texts_are_not_found-zero-shot-object-detection")
def texts_compete(patch: pytest.MonkeyPatch) -> None:
    """A text that fits lowers the scores of the others."""

    def competing(original: Any, model: Any, *given: Any) -> Any:
        scores, vectors = original(model, *given)
        return scores.log_softmax(dim=-1), vectors

    class_predictor(patch, competing)


@seen("owlvit", "boxes_are_shares_of_the_image-zero-shot-object-detection")
def boxes_are_log_odds(patch: pytest.MonkeyPatch) -> None:
    """Boxes are not turned into shares of the image."""

    def left(original: Any, model: Any, *given: Any) -> Tensor:
        return original(model, *given).logit()

    around(patch, owlvit.OwlViTForObjectDetection, "box_predictor", left)


@seen("owlvit", "texts_are_as_many_for_each_image-zero-shot-object-detection")
def texts_that_are_left_over_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    """Texts beyond those that every image has are not looked for, and nothing is said."""

    def whole(texts: Tensor, images: int) -> Tensor:
        return texts[: len(texts) // images * images]

    def shortened(original: Any, model: Any, *given: Any, **options: Any) -> Any:
        images = len(options["pixel_values"])
        for name in ("input_ids", "attention_mask"):
            options[name] = whole(options[name], images)
        return original(model, *given, **options)

    owner = owlvit.OwlViTForObjectDetection
    signature = owner.forward.__signature__
    around(patch, owner, "forward", shortened)
    owner.forward.__signature__ = signature
