"""The arguments of a text body."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from automodel_core.errors import InputError
from automodel_core.layers.caches.base import Cache
from automodel_core.layers.caches.position import PositionSpan
from automodel_core.layers.kernels.linear import look_up
from automodel_core.layers.tracing import in_trace
from automodel_core.modeling.calls import ForwardOptions

__all__ = ["DecoderOptions", "TextInputs"]


class DecoderOptions(ForwardOptions, total=False):
    """The arguments that only a decoder can use, which a head passes on as they are."""

    encoder_hidden_states: Tensor | None
    encoder_attention_mask: Tensor | None
    past_key_values: Cache | None
    use_cache: bool | None


@dataclass
class TextInputs:
    """The arguments of one forward over new tokens ``(batch, length)``.

    Either ``input_ids`` or ``inputs_embeds`` are given; ``span`` has the positions of the tokens.
    """

    input_ids: Tensor | None = None
    attention_mask: Tensor | None = None
    token_type_ids: Tensor | None = None
    position_ids: Tensor | None = None
    inputs_embeds: Tensor | None = None
    encoder_hidden_states: Tensor | None = None
    encoder_attention_mask: Tensor | None = None
    past_key_values: Cache | None = None
    use_cache: bool | None = None
    span: PositionSpan = field(init=False, repr=False)
    prefix: str = field(default="", init=False, repr=False)
    """What stands before these names where the caller of an encoder-decoder gives them."""

    @property
    def tokens(self) -> Tensor:
        """The tokens ``(batch, length)``, or their embeddings.

        Raises `InputError` unless one of the two is given.
        """
        if self.input_ids is not None and self.inputs_embeds is None:
            if self.input_ids.dim() < 2 or self.input_ids.is_floating_point():
                raise InputError(
                    "input_ids must be integers (batch, length), got "
                    f"{self.input_ids.dtype} {tuple(self.input_ids.shape)}"
                )
            return self.input_ids
        if self.inputs_embeds is None or self.input_ids is not None:
            raise InputError("give either input_ids or inputs_embeds")
        return self.inputs_embeds

    @property
    def shape(self) -> torch.Size:
        """The shape of the tokens."""
        return self.tokens.shape if self.inputs_embeds is None else self.inputs_embeds.shape[:-1]

    def as_rows(self) -> TextInputs:
        """Return inputs ``(batch, choices, ...)`` as ``(batch * choices, ...)``."""
        last = len(self.shape) - 2
        rows: dict[str, Any] = {
            name: value.flatten(0, last)
            for name, value in vars(self).items()
            if isinstance(value, Tensor)
        }
        return replace(self, **rows)

    def embedded_by(self, embed_tokens: nn.Module) -> Tensor:
        """Return the embeddings given, or else those of the tokens."""
        if self.inputs_embeds is not None:
            return self.inputs_embeds
        return look_up(embed_tokens, self.tokens)

    def positions(self, limit: int | None = None) -> Tensor:
        """Return the positions given, or else ``(1, length)`` those of the span.

        Raises `InputError` where the span ends beyond ``limit`` positions.
        """
        if self.position_ids is not None:
            return self.position_ids
        if limit is not None and self.span.exceeds(limit):
            raise InputError(
                f"{self.span.end} positions are more than max_position_embeddings={limit}"
            )
        return self.span.positions[None]

    def argument_of(self, ids: Tensor) -> str:
        """Return the name of the argument that these ids are."""
        names = (name for name, value in vars(self).items() if value is ids)
        return self.prefix + next(names, "ids")

    def check_shapes(self) -> None:
        """Raise `InputError` for what is of another batch or length than what it belongs to."""
        rows = {"token_type_ids": self.token_type_ids, "position_ids": self.position_ids}
        masks = (self.attention_mask, self.encoder_attention_mask)
        if all(given is None for given in (*rows.values(), *masks)):
            return
        if in_trace():
            return
        batch, length = self.shape[0], self.span.length
        for name, ids in rows.items():
            shapes = ((batch, length), (1, length), (length,))
            if ids is not None and tuple(ids.shape) not in shapes:
                raise InputError(
                    f"{self.prefix}{name} has shape {tuple(ids.shape)}, expected "
                    f"({batch}, {length})"
                )
        # A cache of fixed size has places for later tokens, which a mask may count.
        lengths = [self.span.end, self.span.keys]
        check_mask(f"{self.prefix}attention_mask", self.attention_mask, batch, lengths)
        if self.encoder_hidden_states is not None:
            batch, *lengths = self.encoder_hidden_states.shape[:2]
            check_mask("encoder_attention_mask", self.encoder_attention_mask, batch, lengths)


def check_mask(name: str, mask: Tensor | None, batch: int, lengths: Sequence[int]) -> None:
    """Raise `InputError` for a mask that is not ``(batch, length)``, of one of the lengths."""
    if mask is None or mask.dim() > 2:
        return
    if mask.dim() < 2 or mask.shape[0] != batch or mask.shape[1] not in lengths:
        raise InputError(f"{name} has shape {tuple(mask.shape)}, expected ({batch}, {lengths[0]})")
