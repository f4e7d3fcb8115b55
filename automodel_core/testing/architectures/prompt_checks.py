"""Checks of models that make masks of prompts, and of what prepares prompts and reads masks."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from automodel_core import registry
from automodel_core.testing.architecture import Inputs
from automodel_core.testing.architectures.properties.learning import has_labels
from automodel_core.testing.case import Subject, outputs
from automodel_core.testing.check import Rule, require, require_close
from automodel_core.testing.drawn.prompts import POINTS, PROMPTS, further_prompts

__all__ = ["PROMPT_CHECKS"]

MASKS, SCORES, LABELS, BOXES = "pred_masks", "iou_scores", "input_labels", "input_boxes"
PICTURE = (30, 20)
"""Height and width of a picture for post-processing."""


def takes_prompts(subject: Subject) -> bool:
    """Return whether the model makes masks of what prompts mean in images."""
    return subject.takes_prompts


def masks_are_of_prompts(subject: Subject) -> None:
    """Each prompt has some masks, each with a score; or one, if one is asked for."""
    model: Any = subject.model()
    example = subject.example(model.config)
    several, one = (outputs(model, example, multimask_output=many) for many in (True, False))
    for found, fits in ((several, several[MASKS].shape[2] > 1), (one, one[MASKS].shape[2] == 1)):
        require(fits, f"there are {found[MASKS].shape[2]} masks of a prompt")
        start = (len(example[POINTS]), PROMPTS)
        require(found[MASKS].shape[:2] == start, f"masks are {tuple(found[MASKS].shape)}")
        require(
            found[SCORES].shape == found[MASKS].shape[:3],
            f"scores are {tuple(found[SCORES].shape)} of masks {tuple(found[MASKS].shape)}",
        )
    height, width = example["pixel_values"].shape[-2:]
    rows, columns = several[MASKS].shape[-2:]
    require(rows * width == columns * height, f"masks are {rows} x {columns} of {height} x {width}")


def prompts_do_not_meet(subject: Subject) -> None:
    """A prompt gives the same alone as beside others of the same image."""
    model = subject.model()
    example = subject.example(model.config)
    pixels = example["pixel_values"]
    for given in (example, {"pixel_values": pixels, **further_prompts(model.config, pixels)}):
        together = outputs(model, given)
        of_prompts = {name: given[name] for name in (POINTS, LABELS, BOXES) if name in given}
        alone = outputs(model, {**given, **{k: v[:, 1:] for k, v in of_prompts.items()}})
        for name in (MASKS, SCORES):
            require_close(alone[name], together[name][:, 1:], f"{name} of a prompt alone")


def maps_stand_for_images(subject: Subject) -> None:
    """``image_embeddings``, which are computed once for all prompts, give what the image gives."""
    model: Any = subject.model()
    example = subject.example(model.config)
    expected = outputs(model, example)
    maps = model.get_image_embeddings(example["pixel_values"])
    seen = {name: value for name, value in example.items() if name != "pixel_values"}
    found = outputs(model, {**seen, "image_embeddings": maps})
    for name in (MASKS, SCORES):
        require_close(found[name], expected[name], f"{name} of image_embeddings")


def moved(points: Tensor) -> Tensor:
    """Return points of which one of the second prompt of the second image is elsewhere."""
    changed = points.clone()
    changed[1, 1, 1] = changed[1, 1, 1] / 2
    return changed


def every_part_of_a_prompt_matters(subject: Subject) -> None:
    """Another point, label, box or rough mask changes the masks of its prompt, and no others."""
    model = subject.model()
    example = subject.example(model.config)
    boxes: Inputs = further_prompts(model.config, example["pixel_values"])
    boxes["pixel_values"] = example["pixel_values"]
    other = example[LABELS].clone()
    other[1, 1, 1] = 0
    cases = (
        (example, POINTS, moved(example[POINTS])),
        (example, LABELS, other),
        *((boxes, BOXES, edge) for edge in with_other_edges(boxes[BOXES])),
    )
    for given, name, value in cases:
        before, after = (outputs(model, each)[MASKS] for each in (given, {**given, name: value}))
        changed = (before != after).flatten(2).any(-1)
        require(changed[1, 1], f"other {name} change no mask")
        require(changed.sum() == 1, f"other {name} change masks of other prompts")
    rough = boxes["input_masks"].clone()
    rough[1] += 1
    before, after = (
        outputs(model, each)[MASKS] for each in (boxes, {**boxes, "input_masks": rough})
    )
    changed = (before != after).flatten(2).any(-1)
    require(changed[1].all() and not changed[0].any(), "rough masks are not those of their image")


def with_other_edges(boxes: Tensor) -> list[Tensor]:
    """Return boxes of which each edge of the last one of the second image is elsewhere, in turn."""
    found = []
    for edge in range(4):
        changed = boxes.clone()
        changed[1, 1, edge] += 0.5
        found.append(changed)
    return found


def padding_says_nothing(subject: Subject) -> None:
    """Where a point lies that is labelled as padding changes nothing."""
    model = subject.model()
    example = subject.example(model.config)
    padding = example[LABELS] == -10
    elsewhere = torch.where(padding[..., None], -10.0, example[POINTS])
    expected = outputs(model, example)
    for name, value in outputs(model, {**example, POINTS: elsewhere}).items():
        require(torch.equal(value, expected[name]), f"{name} depend on where padding lies")


def points_lie_at_the_places_of_the_map(subject: Subject) -> None:
    """A point in the middle of a place of the image's map is embedded as that place is."""
    model: Any = subject.model()
    pixels = subject.pixels(model.config)
    places = model.get_image_wide_positional_embeddings()[0]
    rows, columns = places.shape[-2:]
    patch = torch.tensor([pixels.shape[-1] / columns, pixels.shape[-2] / rows])
    chosen = torch.tensor([[0, 0], [columns - 1, 0], [columns // 2, rows - 1]])
    middles = (chosen + 0.5) * patch - 0.5  # a pixel's number is that of its upper left corner
    labels = torch.ones(1, 1, len(chosen), dtype=torch.int64)
    tokens, _ = model.get_prompt_embeddings(middles[None, None], labels)
    of_places = places[:, chosen[:, 1], chosen[:, 0]].t()
    found = tokens[0, 0, : len(chosen)]
    # What a label adds is the same for all.
    require_close(found[1:] - found[:1], of_places[1:] - of_places[:1], "places of points")


def prompts_move_with_their_picture(subject: Subject) -> None:
    """The processor says where points and boxes are in the image that the model sees."""
    processor = prompt_processor(subject)
    height, width = PICTURE
    picture = torch.zeros(3, height, width, dtype=torch.uint8)
    corner = [float(width), float(height)]
    found = processor(
        picture,
        input_points=[[corner]],
        input_labels=[[1]],
        input_boxes=[[[0.0, 0.0, *corner]]],
        return_tensors="pt",
    )
    rows, columns = found["reshaped_input_sizes"][0].tolist()
    require(found["original_sizes"].tolist() == [list(PICTURE)], "original_sizes are others")
    require(found[POINTS].flatten().tolist() == [columns, rows], f"{found[POINTS]} is the corner")
    edges = found[BOXES].flatten().tolist()
    require(edges == [0, 0, columns, rows], f"{edges} is the box of {rows} x {columns}")


def masks_lie_over_the_picture(subject: Subject) -> None:
    """Masks become as large as their picture; what lies over its padding is left out."""
    processor = prompt_processor(subject)
    height, width = PICTURE
    picture = torch.zeros(3, height, width, dtype=torch.uint8)
    seen = processor(picture, return_tensors="pt")
    (rows, columns), whole = seen["reshaped_input_sizes"][0].tolist(), seen["pixel_values"].shape
    masks = -torch.ones(1, 1, 2, *(edge // 4 for edge in whole[-2:]))
    ends = (masks.shape[-2] * rows // whole[-2], masks.shape[-1] * columns // whole[-1])
    masks[0, 0, 0, : ends[0] // 2, : ends[1]] = 1
    masks[0, 0, 1, ends[0] + 2 :], masks[0, 0, 1, :, ends[1] + 2 :] = 1, 1
    sizes = seen["original_sizes"], seen["reshaped_input_sizes"]
    (found,) = processor.post_process_masks(masks, *sizes)
    require(found.shape[-2:] == PICTURE, f"masks are {tuple(found.shape)} of {PICTURE}")
    upper, over_padding = found[0]
    right = upper[: height // 2 - 1].all() and not upper[height // 2 + 1 :].any()
    require(right, "the mask of the upper half lies elsewhere")
    require(not over_padding.any(), "a mask over the padding lies over the picture")


def prompt_processor(subject: Subject) -> Any:
    """Return a new processor of the architecture."""
    images: Any = registry.resolve(str(subject.architecture.component("image_processor")))
    kind: Any = registry.resolve(str(subject.architecture.component("processor")))
    return kind(images())


def one_mask_of_a_prompt_learns_its_label(subject: Subject) -> None:
    """The loss raises the numbers of a mask where its label is and lowers the others.

    Of several masks of a prompt one learns, and the others are left alone.
    """
    model: Any = subject.model()
    example = subject.example(model.config)
    masks = outputs(model, example)[MASKS]
    label = (torch.arange(masks.shape[-1]) < masks.shape[-1] // 3).expand_as(masks[:, 0, 0])
    found = model(**example, labels=label.long())
    (slope,) = torch.autograd.grad(found.loss, found.pred_masks)
    learning = slope.flatten(3).any(-1).sum(-1)
    require(bool((learning == 1).all()), f"{learning.tolist()} masks of each prompt learn")
    down = slope.sum(2)
    inside = label[:, None].expand_as(down)
    right = bool((down[inside] <= 0).all()) and bool((down[~inside] >= 0).all())
    require(right, "a mask learns to leave out its label, or to cover more")


PROMPT_CHECKS = (
    Rule(masks_are_of_prompts, takes_prompts),
    Rule(prompts_do_not_meet, takes_prompts),
    Rule(maps_stand_for_images, takes_prompts),
    Rule(every_part_of_a_prompt_matters, takes_prompts),
    Rule(padding_says_nothing, takes_prompts),
    Rule(points_lie_at_the_places_of_the_map, takes_prompts),
    Rule(prompts_move_with_their_picture, takes_prompts),
    Rule(masks_lie_over_the_picture, takes_prompts),
    Rule(one_mask_of_a_prompt_learns_its_label, takes_prompts, has_labels),
)
