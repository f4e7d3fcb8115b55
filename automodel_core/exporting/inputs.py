"""Inputs that a model is exported with, and checked with afterwards."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor

from automodel_core.errors import InputError
from automodel_core.layers.images.patches import edges
from automodel_core.modeling.heads.seq2seq import (
    EncoderDecoderForQuestionAnswering,
    EncoderDecoderForSequenceClassification,
)
from automodel_core.modeling.heads.text import TextModelForMultipleChoice

__all__ = [
    "BOXES",
    "TYPES",
    "Inputs",
    "drawn_boxes",
    "drawn_types",
    "dynamic_sizes",
    "example_inputs",
    "has_several_types",
]

Inputs = dict[str, Tensor]

READS_ITS_INPUT = (EncoderDecoderForQuestionAnswering, EncoderDecoderForSequenceClassification)
"""Heads that make the decoder's input of the encoder's."""
CHOICES = 2
BOXES = "bbox"
"""The argument that says where on a page each token stands."""
TYPES = "token_type_ids"
"""The argument that says which text each token is of, or where in a table it stands."""


def example_inputs(model: Any, batch: int, length: int) -> Inputs:
    """Return what a model's ``forward`` reads: tokens, one row of them padded, or images.

    They come in the order of its arguments. Raises `InputError` for a model of something else.
    """
    if model.main_input_name == "pixel_values":
        inputs = {"pixel_values": _images(model.config, batch)}
    elif model.main_input_name == "input_ids":
        choices = (CHOICES,) if isinstance(model, TextModelForMultipleChoice) else ()
        tokens = _tokens(model.config.get_text_config(decoder=False), batch, *choices, length)
        mask = torch.ones_like(tokens)
        mask[0, ..., 0] = 0
        inputs = {"input_ids": tokens, "attention_mask": mask}
    else:
        raise InputError(
            f"{type(model).__name__} reads {model.main_input_name}, which is neither tokens nor "
            "images: give inputs= and other_inputs="
        )
    arguments = inspect.signature(model.forward).parameters
    if "decoder_input_ids" in arguments and not isinstance(model, READS_ITS_INPUT):
        text = model.config.get_text_config(decoder=True)
        inputs["decoder_input_ids"] = _tokens(text, batch, max(2, length // 2))
    if BOXES in arguments:
        inputs[BOXES] = drawn_boxes(model.config, batch, length)
    if TYPES in arguments and has_several_types(model.config):
        inputs[TYPES] = drawn_types(model.config, batch, length)
    return {name: inputs[name].to(model.device) for name in arguments if name in inputs}


def _images(config: Any, batch: int) -> Tensor:
    parts = (config, *config.all_parts())
    seen = next((part for part in parts if part.get("image_size") is not None), None)
    if seen is None:
        raise InputError("the configuration names no image_size: give inputs= and other_inputs=")
    shape = (batch, seen.num_channels, *edges(seen.image_size))
    return torch.randn(shape, generator=torch.Generator().manual_seed(batch))


def _tokens(config: Any, *shape: int) -> Tensor:
    """Return tokens, none of them special, but for the end of a text."""
    ends = config.eos_token_id
    special = {config.pad_token_id, config.bos_token_id, ends}
    usual = torch.tensor([t for t in range(min(config.vocab_size, 1000)) if t not in special])
    drawn = torch.randint(len(usual), shape, generator=torch.Generator().manual_seed(shape[-1]))
    tokens = usual[drawn]
    if isinstance(ends, int):
        tokens[..., -1] = ends
    return tokens


def drawn_boxes(config: Any, *shape: int) -> Tensor:
    """Return boxes of that shape, with their left, upper, right and lower edge."""
    chance = torch.Generator().manual_seed(shape[-1])
    drawn = torch.randint(config.max_2d_position_embeddings, (*shape, 2, 2), generator=chance)
    return drawn.sort(dim=-2).values.flatten(-2)


def has_several_types(config: Any) -> bool:
    """Return whether each token has types of several kinds, as those of tables have."""
    return "type_vocab_sizes" in vars(config)


def drawn_types(config: Any, *shape: int) -> Tensor:
    """Return types of each kind for tokens of that shape: a question, and then a small table.

    The first kinds are segments, columns and rows.
    """
    sizes = config.type_vocab_sizes
    chance = torch.Generator().manual_seed(shape[-1])
    drawn = [torch.randint(size, shape, generator=chance) for size in sizes]
    places = torch.arange(shape[-1]).expand(shape)
    behind = (places >= shape[-1] // 3).long()
    drawn[0] = behind.clamp(max=sizes[0] - 1)
    drawn[1] = behind * (1 + places % 2).clamp(max=sizes[1] - 1)
    drawn[2] = behind * (places // 2 % 3).clamp(max=sizes[2] - 1)
    return torch.stack(drawn, dim=-1)


def dynamic_sizes(inputs: Inputs) -> dict[str, dict[int, Any]]:
    """Return ``dynamic_shapes``: any batch, and any length of tokens and waveforms."""
    batch = torch.export.Dim("batch")
    tokens = inputs.get("input_ids")
    lengths = {True: torch.export.Dim("decoder_length"), False: torch.export.Dim("length")}
    return {
        name: {0: batch}
        if value.is_floating_point() and value.dim() > 2
        else {0: batch, _last_size(name, value, tokens): lengths[name.startswith("decoder_")]}
        for name, value in inputs.items()
    }


def _last_size(name: str, value: Tensor, tokens: Tensor | None) -> int:
    """Return the dimension of the tokens; behind it, a box has its edges, and a type its kinds."""
    has_kinds = name == TYPES and tokens is not None and value.dim() > tokens.dim()
    return value.dim() - (2 if name == BOXES or has_kinds else 1)
