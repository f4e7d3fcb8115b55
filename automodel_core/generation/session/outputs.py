"""What ``generate`` returns with ``return_dict_in_generate=True``.

An output is read by attribute, by name or by position; positions and names skip what is None.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from torch import Tensor

__all__ = [
    "GenerateBeamDecoderOnlyOutput",
    "GenerateBeamEncoderDecoderOutput",
    "GenerateDecoderOnlyOutput",
    "GenerateEncoderDecoderOutput",
    "GenerateOutput",
]

Steps = tuple[Tensor, ...]
Layers = tuple[Tensor, ...]


@dataclass
class GenerateOutput:
    """What every strategy returns: the token ids (rows, length), and what it recorded."""

    sequences: Tensor

    def keys(self) -> tuple[str, ...]:
        names = (field.name for field in fields(self))
        return tuple(name for name in names if vars(self)[name] is not None)

    def to_tuple(self) -> tuple[Any, ...]:
        return tuple(vars(self)[name] for name in self.keys())

    def values(self) -> tuple[Any, ...]:
        return self.to_tuple()

    def items(self) -> tuple[tuple[str, Any], ...]:
        return tuple(zip(self.keys(), self.to_tuple(), strict=True))

    def get(self, name: str, default: Any = None) -> Any:
        value = vars(self).get(name)
        return default if value is None else value

    def __getitem__(self, key: str | int | slice) -> Any:
        if not isinstance(key, str):
            return self.to_tuple()[key]
        if key not in self:
            raise KeyError(key)
        return vars(self)[key]

    def __contains__(self, name: object) -> bool:
        return name in self.keys()

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.keys())


@dataclass
class GenerateDecoderOnlyOutput(GenerateOutput):
    """Greedy search and sampling of a decoder: one entry a step in ``scores``, ``logits``, ..."""

    scores: Steps | None = None
    logits: Steps | None = None
    attentions: tuple[Layers, ...] | None = None
    hidden_states: tuple[Layers, ...] | None = None
    past_key_values: Any = None


@dataclass
class GenerateEncoderDecoderOutput(GenerateOutput):
    """Greedy search and sampling of an encoder-decoder."""

    scores: Steps | None = None
    logits: Steps | None = None
    encoder_attentions: Layers | None = None
    encoder_hidden_states: Layers | None = None
    decoder_attentions: tuple[Layers, ...] | None = None
    cross_attentions: tuple[Layers, ...] | None = None
    decoder_hidden_states: tuple[Layers, ...] | None = None
    past_key_values: Any = None


@dataclass
class GenerateBeamDecoderOnlyOutput(GenerateOutput):
    """Beam search of a decoder.

    ``sequences_scores`` (rows,) are the final scores; ``beam_indices`` (rows, steps) say which row
    of ``scores`` each token came from, -1 behind the end of a sequence.
    """

    sequences_scores: Tensor | None = None
    scores: Steps | None = None
    logits: Steps | None = None
    beam_indices: Tensor | None = None
    attentions: tuple[Layers, ...] | None = None
    hidden_states: tuple[Layers, ...] | None = None
    past_key_values: Any = None


@dataclass
class GenerateBeamEncoderDecoderOutput(GenerateOutput):
    """Beam search of an encoder-decoder; see `GenerateBeamDecoderOnlyOutput`."""

    sequences_scores: Tensor | None = None
    scores: Steps | None = None
    logits: Steps | None = None
    beam_indices: Tensor | None = None
    encoder_attentions: Layers | None = None
    encoder_hidden_states: Layers | None = None
    decoder_attentions: tuple[Layers, ...] | None = None
    cross_attentions: tuple[Layers, ...] | None = None
    decoder_hidden_states: tuple[Layers, ...] | None = None
    past_key_values: Any = None
