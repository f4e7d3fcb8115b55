"""What goes along with a decoder's tokens at every forward: mask, positions, token types."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from automodel_core.generation.session.inputs import DecodingInputs

__all__ = ["Alongside", "repeated"]

MASK_BLOCK = 256


class Alongside:
    """The mask, the positions and the token types of a prompt, and of what is written behind it.

    ``mask`` (rows, length) is None if it hides nothing. Positions are those given, or else, with
    ``counts`` and a mask, counted from the first visible token; without either the model's own.
    """

    def __init__(self, inputs: DecodingInputs, mask_name: str, *, counts: bool) -> None:
        self._inputs = inputs
        self._mask_name = mask_name
        self.mask = _visible(inputs)
        self._mask_room: Tensor | None = None
        self._positions = inputs.position_ids
        if self._positions is None and self.mask is not None and counts:
            positions = self.mask.long().cumsum(-1) - 1
            self._positions = positions.masked_fill_(self.mask == 0, 0)
        self._token_types = inputs.token_type_ids

    @property
    def prompt_mask(self) -> Tensor | None:
        """The mask over the prompt alone, None if it hides nothing."""
        fits = self.mask is not None and self.mask.shape[1] == self._inputs.prompt.shape[1]
        return self.mask if fits else None

    def repeat(self, rows: int) -> None:
        """Go from one row an item to ``rows``."""
        self.mask, self._mask_room = repeated(self.mask, rows), None
        self._positions = repeated(self._positions, rows)
        self._token_types = repeated(self._token_types, rows)

    def arguments(self, end: int, length: int) -> dict[str, Tensor]:
        """Return the arguments of forward for the ``length`` tokens before ``end``."""
        new = end - self._inputs.prompt.shape[1]
        along: dict[str, Tensor] = {}
        if self.mask is not None:
            along[self._mask_name] = self._mask_with(self.mask, new)
        if self._positions is not None:
            ahead = torch.arange(1, max(new, 0) + 1, device=self._positions.device)
            along["position_ids"] = _columns(
                self._positions, self._positions[..., -1:] + ahead, new, length
            )
        if self._token_types is not None:
            ahead = self._token_types[:, -1:].expand(-1, max(new, 0))
            along["token_type_ids"] = _columns(self._token_types, ahead, new, length)
        return along

    def _mask_with(self, mask: Tensor, new: int) -> Tensor:
        """Return the mask over the prompt and ``new`` tokens behind it, all of them visible."""
        total = mask.shape[1] + new
        if self._mask_room is None or total > self._mask_room.shape[1]:
            ones = mask.new_ones(mask.shape[0], max(new, 0) + MASK_BLOCK)
            self._mask_room = torch.cat([mask, ones], dim=1)
        return self._mask_room[:, :total]


def _columns(prompt: Tensor, ahead: Tensor, new: int, length: int) -> Tensor:
    """Return the last ``length`` columns of the prompt's values with those ``ahead`` of it."""
    if new >= length:
        return ahead[..., new - length :]
    values = prompt[..., : prompt.shape[-1] + new] if new < 0 else torch.cat([prompt, ahead], -1)
    return values[..., values.shape[-1] - length :]


def _visible(inputs: DecodingInputs) -> Tensor | None:
    """Return the decoder's mask, None if it hides nothing.

    One that is longer than the prompt is kept: its length says what the cache already holds.
    """
    mask = inputs.mask
    if mask is None or (mask.shape[1] == inputs.first_length and bool((mask == 1).all())):
        return None
    return mask


def repeated(tensor: Any, rows: int) -> Any:
    """Repeat each row of a tensor; None stays None."""
    return tensor if tensor is None or rows == 1 else tensor.repeat_interleave(rows, dim=0)
