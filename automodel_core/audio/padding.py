"""Sequences of one batch, cut and padded to one length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal

import torch
from torch import Tensor

from automodel_core.errors import InputError, shown

__all__ = ["SequenceLengths", "padded_sequences"]

Side = Literal["right", "left"]
PADDINGS = {True: "longest", False: "do_not_pad", None: "do_not_pad"}


@dataclass(frozen=True)
class SequenceLengths:
    """The lengths of one call, as ``padding``, ``truncation`` and ``max_length`` say.

    ``padding`` is ``longest``, ``max_length`` or ``do_not_pad``.
    """

    padding: str
    truncation: bool
    max_length: int | None

    @classmethod
    def of(
        cls,
        padding: bool | str | Enum | None,
        truncation: bool | None = None,
        max_length: int | None = None,
        pad_to_multiple_of: int | None = None,
    ) -> SequenceLengths:
        """Check the arguments of a call, and round its length up."""
        name: Any = padding.value if isinstance(padding, Enum) else padding
        strategy = PADDINGS.get(name, name) if isinstance(name, bool | None) else name
        if strategy not in ("longest", "max_length", "do_not_pad"):
            raise InputError(
                f"padding={shown(padding)} is not known; it is a bool, 'longest', 'max_length' or "
                "'do_not_pad'"
            )
        if max_length is None and (strategy == "max_length" or truncation):
            what = "truncation=True" if truncation else "padding='max_length'"
            raise InputError(f"{what} needs max_length, the length in samples or frames")
        return cls(strategy, bool(truncation), _rounded_up(max_length, pad_to_multiple_of))

    def target(self, lengths: Sequence[int], pad_to_multiple_of: int | None = None) -> int | None:
        """Return the length that sequences are padded to, or ``None``."""
        if self.padding == "do_not_pad":
            return None
        longest = max(lengths) if self.padding == "longest" else self.max_length
        return _rounded_up(longest, pad_to_multiple_of)


def padded_sequences(
    sequences: Sequence[Tensor], length: int, padding_value: float = 0.0, side: Side = "right"
) -> list[Tensor]:
    """Return sequences ``(steps, ...)`` with ``padding_value`` on one side, to ``length`` steps.

    Longer ones are left as they are.
    """
    result = []
    for sequence in sequences:
        missing = max(length - len(sequence), 0)
        filling = sequence.new_full((missing, *sequence.shape[1:]), padding_value)
        parts = [sequence, filling] if side == "right" else [filling, sequence]
        result.append(torch.cat(parts) if missing else sequence)
    return result


def _rounded_up(length: int | None, multiple: int | None) -> int | None:
    if length is None or multiple is None:
        return length
    return -(-length // multiple) * multiple
