"""What models return: dataclasses that read like dicts and tuples too, without what is ``None``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor
    from typing_extensions import Self

    from automodel_core.layers.caches.base import Cache

__all__ = ["FILLED", "BaseModelOutput", "LabelOutput", "ModelOutput"]


FILLED: Any = None
"""The default of a field that every ``forward`` fills; only an output made by hand may lack it."""


@dataclass
class ModelOutput:
    """Base of all outputs: read ``output.logits``, ``output["logits"]`` or ``output[0]``."""

    @classmethod
    def of(cls, body: ModelOutput, **values: Any) -> Self:
        """Return an output of these values, and of what else a body's output has of its fields."""
        for key, value in vars(body).items():
            if key in cls.__dataclass_fields__:
                values.setdefault(key, value)
        return cls(**values)

    def keys(self) -> tuple[str, ...]:
        return tuple(f.name for f in fields(self) if getattr(self, f.name) is not None)

    def values(self) -> tuple[Any, ...]:
        return self.to_tuple()

    def items(self) -> tuple[tuple[str, Any], ...]:
        return tuple((key, getattr(self, key)) for key in self.keys())

    def get(self, key: str, default: Any = None) -> Any:
        return getattr(self, key) if key in self else default

    def to_tuple(self) -> tuple[Any, ...]:
        return tuple(getattr(self, key) for key in self.keys())

    def __getitem__(self, key: str | int | slice) -> Any:
        if not isinstance(key, str):
            return self.to_tuple()[key]
        if key not in self:
            raise KeyError(f"{type(self).__name__} holds no {key!r}, only {', '.join(self.keys())}")
        return getattr(self, key)

    def __setitem__(self, key: str, value: Any) -> None:
        setattr(self, key, value)

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.keys())

    def __contains__(self, key: object) -> bool:
        return key in self.keys()


@dataclass
class BaseModelOutput(ModelOutput):
    """The states of a body; the pooled one, cache and cross-attentions where the body has them."""

    last_hidden_state: Tensor
    pooler_output: Tensor | None = None
    past_key_values: Cache | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None
    cross_attentions: tuple[Tensor, ...] | None = None


@dataclass
class LabelOutput(ModelOutput):
    """Scores for labels, from a head on one stack."""

    loss: Tensor | None = None
    logits: Tensor = FILLED
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None
