"""Faults in masks of prompts: in what is read of a prompt, what is made of it, and its pixels."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from automodel_sam import (
    image_processing as images,
    masks as decoding,
    modeling as sam,
    processing,
    prompts,
)
from support.seeded_faults.seed import after_forward, around, seen

TASK = "mask-generation"


@seen("sam", f"points_lie_at_the_places_of_the_map-{TASK}")
def points_are_rows_first(patch: pytest.MonkeyPatch) -> None:
    """Points are read as y and x."""

    def change(
        original: Any, encoder: Any, places: Any, points: Tensor, *more: Any, **named: Any
    ) -> Any:
        return original(encoder, places, points.flip(-1), *more, **named)

    around(patch, prompts.SamPromptEncoder, "embed_points", change)


@seen("sam", f"points_lie_at_the_places_of_the_map-{TASK}")
def points_are_corners_of_pixels(patch: pytest.MonkeyPatch) -> None:
    """Points lie at the upper left corner of their pixel, not in its middle."""

    def change(
        original: Any, encoder: Any, places: Any, points: Tensor, *more: Any, **named: Any
    ) -> Any:
        return original(encoder, places, points - 0.5, *more, **named)

    around(patch, prompts.SamPromptEncoder, "embed_points", change)


@seen("sam", f"every_part_of_a_prompt_matters-{TASK}")
def labels_of_points_are_ignored(patch: pytest.MonkeyPatch) -> None:
    """Each point is taken for one of the object."""

    def embed(
        original: Any, encoder: Any, places: Any, points: Tensor, labels: Tensor, alone: bool
    ) -> Any:
        return original(encoder, places, points, torch.ones_like(labels), alone)

    around(patch, prompts.SamPromptEncoder, "embed_points", embed)


@seen("sam", f"padding_says_nothing-{TASK}")
def padding_is_a_point(patch: pytest.MonkeyPatch) -> None:
    """A point that pads is read where it lies."""
    patch.setattr(prompts, "PADDING", -100)


@seen("sam", f"every_part_of_a_prompt_matters-{TASK}")
def boxes_are_their_upper_left_corner(patch: pytest.MonkeyPatch) -> None:
    """The lower right corner of a box is not read."""

    def change(original: Any, encoder: Any, places: Any, boxes: Tensor) -> Any:
        return original(encoder, places, boxes[..., :2].repeat_interleave(2, -1))

    around(patch, prompts.SamPromptEncoder, "embed_boxes", change)


@seen("sam", f"every_part_of_a_prompt_matters-{TASK}")
def rough_masks_are_ignored(patch: pytest.MonkeyPatch) -> None:
    """Rough masks are taken, and not read."""

    def forward(original: Any, encoder: Any, *args: Any) -> Any:
        return original(encoder, *args[:-1], None if args[-1] is None else args[-1] * 0)

    around(patch, prompts.SamPromptEncoder, "forward", forward)


@seen("sam", f"prompts_do_not_meet-{TASK}", f"every_part_of_a_prompt_matters-{TASK}")
def prompts_share_their_mean(patch: pytest.MonkeyPatch) -> None:
    """The mean over the prompts of an image is taken off each."""

    def forward(original: Any, encoder: Any, *args: Any) -> Any:
        tokens, maps = original(encoder, *args)
        return tokens - tokens.mean(1, keepdim=True), maps

    around(patch, prompts.SamPromptEncoder, "forward", forward)


@seen("sam", f"masks_are_of_prompts-{TASK}")
def all_masks_are_returned(patch: pytest.MonkeyPatch) -> None:
    """One mask is asked for, and the others come too."""

    def forward(original: Any, decoder: Any, *args: Any) -> Any:
        return original(decoder, *args[:3], True, *args[4:])

    around(patch, decoding.SamMaskDecoder, "forward", forward)


@seen("sam", f"masks_are_of_prompts-{TASK}")
def scores_are_of_all_masks(patch: pytest.MonkeyPatch) -> None:
    """There is one score more than masks."""

    def change(output: Any, **_: Any) -> None:
        output.iou_scores = torch.nn.functional.pad(output.iou_scores, (1, 0))

    after_forward(patch, sam.SamModel, change)


@seen("sam", f"maps_stand_for_images-{TASK}")
def maps_are_states(patch: pytest.MonkeyPatch) -> None:
    """The maps that are computed once are scaled, those of an image are not."""

    def change(original: Any, *args: Any, **options: Any) -> Tensor:
        maps: Tensor = original(*args, **options)
        return maps * 2

    around(patch, sam.SamModel, "get_image_embeddings", change)


@seen("sam", f"prompts_move_with_their_picture-{TASK}")
def prompts_stay_where_they_were(patch: pytest.MonkeyPatch) -> None:
    """Prompts keep the pixels of the picture."""
    patch.setattr(processing.SamProcessor, "scaled", lambda self, given, sizes: given)


@seen("sam", f"masks_lie_over_the_picture-{TASK}")
def padding_is_not_cut(patch: pytest.MonkeyPatch) -> None:
    """Masks are resized to the picture with the padding of the image that the model saw."""

    def change(original: Any, mask: Tensor, padded: Any, cut: Any, picture: Any) -> Any:
        return original(mask, padded, padded, picture)

    around(patch, images.Enlarging, "between", change)


@seen("sam", f"masks_lie_over_the_picture-{TASK}")
def masks_are_turned(patch: pytest.MonkeyPatch) -> None:
    """Height and width of the picture are exchanged."""

    def change(original: Any, self: Any, masks: Any, sizes: Any, *more: Any) -> Any:
        return original(self, masks, [tuple(size)[::-1] for size in sizes], *more)

    around(patch, images.SamImageProcessor, "post_process_masks", change)


@seen("sam", f"one_mask_of_a_prompt_learns_its_label-{TASK}")
def background_is_learnt(patch: pytest.MonkeyPatch) -> None:
    """A mask learns what the label leaves out."""

    def change(original: Any, masks: Tensor, scores: Tensor, labels: Tensor) -> Any:
        return original(masks, scores, 1 - labels)

    around(patch, sam, "prompted_mask_loss", change)


@seen("sam", f"one_mask_of_a_prompt_learns_its_label-{TASK}")
def all_masks_learn(patch: pytest.MonkeyPatch) -> None:
    """All masks of a prompt learn the same, and become one."""

    def change(original: Any, masks: Tensor, scores: Tensor, labels: Tensor) -> Any:
        each = zip(masks.split(1, dim=2), scores.split(1, dim=2), strict=True)
        return sum(original(mask, score, labels) for mask, score in each)

    around(patch, sam, "prompted_mask_loss", change)
