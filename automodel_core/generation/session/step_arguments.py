"""The mask, positions and token types that each forward of a decoder gets with its tokens."""

from __future__ import annotations

from typing import overload

import torch
from torch import Tensor

from automodel_core.generation.session.inputs import DecodingInputs

__all__ = ["StepArguments", "repeated"]

MASK_BLOCK = 256


class StepArguments:
    """Mask, positions and token types of a prompt and of the tokens generated after it.

    ``mask`` (rows, length) is None if it hides nothing. Positions are those given; else, with a
    mask, they are counted from ``first_position``, that of the first visible token; without a mask
    or a ``first_position`` they are left to the model. ``prefix`` stands before the names of mask
    and positions.
    """

    def __init__(
        self, inputs: DecodingInputs, prefix: str = "", *, first_position: int | None
    ) -> None:
        self._inputs = inputs
        self._mask_name, self._positions_name = f"{prefix}attention_mask", f"{prefix}position_ids"
        self.mask = _mask_of(inputs)
        self._mask_buffer: Tensor | None = None
        self._positions = inputs.position_ids
        if self._positions is None and self.mask is not None and first_position is not None:
            positions = self.mask.long().cumsum(-1) + (first_position - 1)
            self._positions = positions.masked_fill_(self.mask == 0, 0)
        self._token_types = inputs.token_type_ids

    @property
    def prompt_mask(self) -> Tensor | None:
        """The mask over the prompt alone, None if it hides nothing."""
        fits = self.mask is not None and self.mask.shape[1] == self._inputs.prompt.shape[1]
        return self.mask if fits else None

    def repeat(self, rows: int) -> None:
        """Go from one row an item to ``rows``."""
        self.mask, self._mask_buffer = repeated(self.mask, rows), None
        self._positions = repeated(self._positions, rows)
        self._token_types = repeated(self._token_types, rows)

    def arguments(self, end: int, length: int) -> dict[str, Tensor]:
        """Return the arguments of forward for the ``length`` tokens before ``end``."""
        new = end - self._inputs.prompt.shape[1]
        arguments: dict[str, Tensor] = {}
        if self.mask is not None:
            arguments[self._mask_name] = self._extended_mask(self.mask, new)
        if self._positions is not None:
            following = torch.arange(1, max(new, 0) + 1, device=self._positions.device)
            arguments[self._positions_name] = _columns(
                self._positions, self._positions[..., -1:] + following, new, length
            )
        if self._token_types is not None:
            following = self._token_types[:, -1:].expand(-1, max(new, 0))
            arguments["token_type_ids"] = _columns(self._token_types, following, new, length)
        return arguments

    def _extended_mask(self, mask: Tensor, new: int) -> Tensor:
        """Return the mask over the prompt and ``new`` further tokens, which are all visible."""
        total = mask.shape[1] + new
        if self._mask_buffer is None or total > self._mask_buffer.shape[1]:
            ones = mask.new_ones(mask.shape[0], max(new, 0) + MASK_BLOCK)
            self._mask_buffer = torch.cat([mask, ones], dim=1)
        return self._mask_buffer[:, :total]


def _columns(prompt: Tensor, following: Tensor, new: int, length: int) -> Tensor:
    """Return the last ``length`` columns of the prompt's values and the ``new`` following ones.

    A negative ``new`` counts columns at the prompt's end that are not fed yet.
    """
    if new >= length:
        return following[..., new - length :]
    values = prompt[..., : prompt.shape[-1] + min(new, 0)]
    if new > 0:
        values = torch.cat([values, following], dim=-1)
    return values[..., values.shape[-1] - length :]


def _mask_of(inputs: DecodingInputs) -> Tensor | None:
    """Return the decoder's mask, None if it hides nothing.

    A mask longer than the prompt is kept: its length tells how much the cache already holds.
    """
    mask = inputs.mask
    if mask is None or (mask.shape[1] == inputs.first_length and bool((mask == 1).all())):
        return None
    return mask


@overload
def repeated(tensor: Tensor, rows: int) -> Tensor: ...


@overload
def repeated(tensor: Tensor | None, rows: int) -> Tensor | None: ...


def repeated(tensor: Tensor | None, rows: int) -> Tensor | None:
    """Repeat each row of a tensor; None stays None."""
    return tensor if tensor is None or rows == 1 else tensor.repeat_interleave(rows, dim=0)
