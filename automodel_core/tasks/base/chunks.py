"""What one run of the model takes and gives for one input, and batches of that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from automodel_core.errors import InputError

__all__ = ["Chunk", "Padding", "batch_of", "share_out"]

PADDED_WITH: Mapping[str, int] = {
    "attention_mask": 0,
    "bbox": 0,
    "decoder_input_ids": 0,
    "token_type_ids": 0,
}
"""Inputs beside ``input_ids`` that have a value for each token, and what they are padded with."""


@dataclass
class Chunk:
    """An input of a pipeline, or a part of a long one.

    ``inputs`` are the model's, each without a batch dimension; ``notes`` are kept for
    postprocessing. ``outputs`` are what `Pipeline.forward` gave for it, on the CPU.
    """

    inputs: dict[str, Tensor]
    notes: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, inputs: Mapping[str, Any], **notes: Any) -> Chunk:
        """Make a chunk of inputs without a batch dimension: tensors, or lists of numbers."""
        return cls({name: torch.as_tensor(value) for name, value in inputs.items()}, notes)

    @classmethod
    def of_batch(cls, inputs: Mapping[str, Any], **notes: Any) -> Chunk:
        """Make a chunk of tensors that are a batch of one."""
        return cls({name: value[0] for name, value in inputs.items()}, notes)

    @property
    def length(self) -> int:
        """How many tokens there are, or 1 where there are none."""
        ids = self.inputs.get("input_ids")
        return 1 if ids is None else max(1, ids.shape[0])

    @property
    def form(self) -> tuple[Any, ...]:
        """What chunks of one batch agree on: names, and shapes of what is not padded."""
        return tuple(
            (name, None if _is_padded(name) else tuple(value.shape))
            for name, value in sorted(self.inputs.items())
        )


@dataclass(frozen=True)
class Padding:
    """How token ids are padded: with which id, if there is one, and on which side."""

    token: int | None
    side: str = "right"


def _is_padded(name: str) -> bool:
    return name == "input_ids" or name in PADDED_WITH


def batch_of(chunks: Sequence[Chunk], padding: Padding) -> dict[str, Tensor]:
    """Return the inputs of several chunks of one form, padded to the longest."""
    lengths = [chunk.length for chunk in chunks]
    longest = max(lengths)
    batch = {}
    for name in chunks[0].inputs:
        values = [chunk.inputs[name] for chunk in chunks]
        if _is_padded(name) and min(lengths) < longest:
            filler = PADDED_WITH.get(name, padding.token)
            if filler is None:
                raise InputError(
                    "texts of unequal lengths cannot be in one batch, because the tokenizer has no "
                    "padding token: set pipeline.tokenizer.pad_token, such as to its eos_token, or "
                    "leave out batch_size="
                )
            values = [_padded(value, longest, filler, padding.side) for value in values]
        batch[name] = torch.stack(values)
    if min(lengths) < longest and "attention_mask" not in batch:
        masks = (torch.ones(length, dtype=torch.long) for length in lengths)
        batch["attention_mask"] = torch.stack(
            [_padded(mask, longest, 0, padding.side) for mask in masks]
        )
    return batch


def _padded(value: Tensor, length: int, filler: int, side: str) -> Tensor:
    if value.shape[0] == length:
        return value
    result = value.new_full((length, *value.shape[1:]), filler)
    missing = length - value.shape[0]
    if side == "left":
        result[missing:] = value
    else:
        result[: value.shape[0]] = value
    return result


def share_out(
    outputs: Mapping[str, Any], chunks: Sequence[Chunk], side: str, per_token: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Yield the outputs of each chunk, without a batch dimension and without padding.

    An output is a tensor or a list with one entry for each row; those named in ``per_token`` have
    the tokens as their first dimension.
    """
    longest = max(chunk.length for chunk in chunks)
    for row, chunk in enumerate(chunks):
        kept = slice(longest - chunk.length, None) if side == "left" else slice(chunk.length)
        yield {
            name: value[row][kept] if name in per_token else value[row]
            for name, value in outputs.items()
        }
