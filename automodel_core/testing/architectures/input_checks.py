"""Checks of what a model reads: which inputs change its outputs, and which must not."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from automodel_core.errors import InputError
from automodel_core.exporting.inputs import BOXES, TYPES
from automodel_core.testing.architecture import Inputs
from automodel_core.testing.architectures.properties.building import has_text_encoder
from automodel_core.testing.architectures.properties.reading import (
    has_positions,
    has_token_types,
    pools_last_place,
    reads_boxes,
    reads_embeddings,
    reads_masked_text,
    sees_images,
)
from automodel_core.testing.case import (
    BATCH,
    KEYPOINTS,
    LENGTH,
    Subject,
    backbone_paths,
    outputs,
    row_of,
)
from automodel_core.testing.check import Rule, require, require_close

__all__ = ["INPUT_CHECKS"]

PADDING = 3


def rows_do_not_meet(subject: Subject) -> None:
    """A row gives the same alone as in a batch."""
    model = subject.model()
    example = subject.example(model.config)
    alone = {name: row_of(value) for name, value in example.items()}
    together = outputs(model, example)
    if KEYPOINTS in together:  # a row is padded to the points of another
        count = int(together["mask"][0].sum())
        together = {name: value[:, :count] for name, value in together.items()}
    for name, value in outputs(model, alone).items():
        if value.dim() and len(together[name]) % BATCH == 0:
            # A text may be scored with each image of the batch.
            corner = tuple(slice(size) for size in value.shape)
            require_close(value, together[name][corner], name)


def padding_changes_nothing(subject: Subject) -> None:
    """Masked tokens at the end of the inputs change nothing before them.

    Where the last place stands for a text, padding belongs to it, and other states stay. Where
    cells are scored, a question shares its score with padding, and cells keep theirs.
    """
    model = subject.model()
    example = subject.example(model.config)
    filler = model.config.pad_token_id or 0
    padded = dict(example)
    for name, fill in (("input_ids", filler), ("attention_mask", 0)):
        padded[name] = torch.nn.functional.pad(example[name], (0, PADDING), value=fill)
    if subject.reads_boxes:
        padded[BOXES] = torch.nn.functional.pad(example[BOXES], (0, 0, 0, PADDING))
    if subject.reads_tables:
        padded[TYPES] = torch.nn.functional.pad(example[TYPES], (0, 0, 0, PADDING))
    before, after = outputs(model, example), outputs(model, padded)
    for name, value in before.items():
        longer = after[name]
        is_longer = value.dim() > 1 and longer.shape[1] == value.shape[1] + PADDING
        if is_longer:  # what stands behind the text, as an image, has moved
            longer = torch.cat([longer[:, :LENGTH], longer[:, LENGTH + PADDING :]], dim=1)
        if is_longer and subject.selects_cells:
            in_table = example[TYPES][..., 0] > 0
            longer, value = longer[in_table], value[in_table]
        if is_longer or not pools_last_place(subject):
            require_close(longer, value, name)


def reads_pixel_masks(subject: Subject) -> bool:
    """Return whether the model sees images with a mask for padding, and nothing looks across it.

    The convolutions of a backbone do: places at the edge of an image depend on what is behind it.
    """
    return (
        sees_images(subject)
        and "pixel_mask" in subject.accepted
        and not backbone_paths(subject.skeleton)
    )


def padded_pixels_change_nothing(subject: Subject) -> None:
    """An image gives the same when it is padded right and below, and masked there."""
    model = subject.model()
    example = subject.example(model.config)
    pixels = example["pixel_values"]
    height, width = pixels.shape[-2:]
    chance = torch.Generator().manual_seed(5)
    padded = torch.randn(*pixels.shape[:-2], 2 * height, 2 * width, generator=chance)
    padded[..., :height, :width] = pixels
    mask = torch.zeros(len(pixels), 2 * height, 2 * width, dtype=torch.long)
    mask[:, :height, :width] = 1
    found = outputs(model, {**example, "pixel_values": padded, "pixel_mask": mask})
    for name, value in outputs(model, example).items():
        require_close(found[name], value, name)


def embeddings_stand_for_tokens(subject: Subject) -> None:
    """``inputs_embeds`` gives what the tokens give."""
    model = subject.model()
    example = subject.example(model.config)
    expected = outputs(model, example)
    embedded = {name: value for name, value in example.items() if name != "input_ids"}
    embedded["inputs_embeds"] = model.get_input_embeddings()(example["input_ids"])
    for name, value in outputs(model, embedded).items():
        require_close(value, expected[name], name)


def inputs_stay_as_they_were(subject: Subject) -> None:
    """``forward`` writes into none of its arguments."""
    model = subject.model()
    example = padded_text(subject, subject.example(model.config))
    copies = {name: value.clone() for name, value in example.items() if isinstance(value, Tensor)}
    outputs(model, example)
    for name, value in copies.items():
        require(torch.equal(example[name], value), f"forward changes {name}")


def padded_text(subject: Subject, example: Inputs) -> Inputs:
    """Return inputs of which the mask, if there is one, hides the end of the first row."""
    if not reads_masked_text(subject):
        return example
    mask = example["attention_mask"].clone()
    mask[0, ..., -2:] = 0
    return {**example, "attention_mask": mask}


def differs(found: dict[str, Tensor], expected: dict[str, Tensor]) -> bool:
    """Return whether any output of the one is another one."""
    return any(not torch.allclose(value, expected[name]) for name, value in found.items())


def position_ids_matter(subject: Subject) -> None:
    """Positions in order change nothing, and others change the outputs.

    In a table they may begin anew in each cell.
    """
    model = subject.model()
    example = subject.example(model.config)
    expected = outputs(model, example)
    order = torch.arange(LENGTH).expand_as(example["input_ids"])
    # Some architectures count from behind the padding token.
    starts = (0, (model.config.pad_token_id or 0) + 1)
    fits = [not differs(outputs(model, example, position_ids=order + s), expected) for s in starts]
    in_order = any(fits) or subject.reads_tables
    require(in_order, f"position_ids in order, from {starts}, change the outputs")
    backwards = outputs(model, example, position_ids=order.flip(-1))
    require(differs(backwards, expected), "other position_ids change nothing")


def token_type_ids_matter(subject: Subject) -> None:
    """Another token type changes the outputs."""
    model = subject.model()
    example = subject.example(model.config)
    first = torch.zeros_like(example["input_ids"])
    kinds = vars(model.config).get("type_vocab_size", 2)
    expected = outputs(model, example, token_type_ids=first)
    if kinds > 1:
        found = outputs(model, example, token_type_ids=first + 1)
        require(differs(found, expected), "other token_type_ids change nothing")


def boxes_matter(subject: Subject) -> None:
    """Each edge of a token's box changes the outputs, and an impossible box is named."""
    model = subject.model()
    example = subject.example(model.config)
    last = model.config.max_2d_position_embeddings - 1
    middle = torch.tensor([last // 3, last // 3, last // 2, last // 2]).expand_as(example[BOXES])
    expected = outputs(model, {**example, BOXES: middle})
    for edge, name in enumerate(("left", "upper", "right", "lower")):
        moved = middle.clone()
        moved[..., edge] += 1
        found = outputs(model, {**example, BOXES: moved})
        require(differs(found, expected), f"another {name} edge changes nothing")
    for edge, wrong in ((0, -1), (3, last + 1), (2, 0)):
        impossible = middle.clone()
        impossible[1, 2, edge] = wrong
        try:
            outputs(model, {**example, BOXES: impossible})
        except InputError as error:
            box = str(impossible[1, 2].tolist())
            require(box in str(error), f"the error of a wrong box does not show {box}: {error}")
        else:
            require(False, f"edge {edge} of a box is {wrong}, and nothing is said")


def an_encoder_sees_both_ways(subject: Subject) -> None:
    """Another last token changes the first state."""
    model: Any = subject.model()
    example = subject.example(model.config)
    tokens = example["input_ids"].clone()
    # The last may be the end of a text, which some heads look for.
    tokens[..., -2] = other_tokens(subject, model.config, tokens[..., -2])
    first = []
    for given in (example, {**example, "input_ids": tokens}):
        with torch.no_grad():
            output = dict(model(**given, output_hidden_states=True).items())
        states: Any = output.get("encoder_hidden_states", output.get("hidden_states"))
        require(states, "the encoder shows no hidden states")
        first.append(states[-1][:, 0])
    require(not torch.equal(*first), "the first state of an encoder does not see later tokens")


def other_tokens(subject: Subject, config: Any, tokens: Tensor) -> Tensor:
    """Return tokens that differ from the given ones."""
    several = subject.tokens(config, rows=1, length=LENGTH)[0]
    usual = several[several != several[-1]]
    first, second = usual[0], usual[usual != usual[0]][0]
    return torch.where(tokens == first, second, first)


INPUT_CHECKS = (
    Rule(rows_do_not_meet),
    Rule(padding_changes_nothing, reads_masked_text),
    Rule(padded_pixels_change_nothing, reads_pixel_masks),
    Rule(embeddings_stand_for_tokens, reads_embeddings),
    Rule(inputs_stay_as_they_were),
    Rule(position_ids_matter, has_positions),
    Rule(token_type_ids_matter, has_token_types),
    Rule(boxes_matter, reads_boxes),
    Rule(an_encoder_sees_both_ways, has_text_encoder),
)
