"""What models and ``generate`` return: dataclasses that are dicts of what is not ``None``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, fields
from functools import partial
from typing import TYPE_CHECKING, Any

from torch import Tensor
from torch.utils import _pytree as pytree

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["ModelOutput", "brief"]


if TYPE_CHECKING:
    Fields = dict[str, Any]
else:

    class Fields(MutableMapping, dict):
        """A dict whose methods all read and write by the few that a subclass defines."""


@dataclass(repr=False)
class ModelOutput(Fields):
    """Base of all outputs: read ``output.logits``, ``output["logits"]`` or ``output[0]``.

    A subclass is a dataclass, and a node of torch's pytrees, which `torch.export` and others take
    apart. A mapping or pairs, given in place of the first field, are taken as a dict takes them:
    tools that move or gather outputs rebuild them in this way.
    """

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if "__repr__" not in vars(cls):
            # The one that a dataclass writes shows every tensor.
            setattr(cls, "__repr__", ModelOutput.__repr__)  # noqa: B010
        pytree.register_pytree_node(
            cls,
            _flatten,
            partial(_unflatten, cls),
            serialized_type_name=f"{cls.__module__}.{cls.__qualname__}",
            flatten_with_keys_fn=_flatten_with_keys,
        )

    def __post_init__(self) -> None:
        first = next((field.name for field in fields(self)), "")
        value = self.get(first)
        if isinstance(value, Mapping | Iterator):
            del self[first]
            self.update(value)

    @classmethod
    def of(cls, body: ModelOutput, **values: Any) -> Self:
        """Return an output of these values, and of what else a body's output has of its fields."""
        for key, value in body.items():
            if key in cls.__dataclass_fields__:
                values.setdefault(key, value)
        return cls(**values)

    def to_tuple(self) -> tuple[Any, ...]:
        return tuple(self.values())

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if value is None:
            dict.pop(self, name, None)
        else:
            dict.__setitem__(self, name, value)

    def __getitem__(self, key: str | int | slice) -> Any:
        if not isinstance(key, str):
            return self.to_tuple()[key]
        if key not in self:
            raise KeyError(f"{type(self).__name__} holds no {key!r}, only {', '.join(self)}")
        return dict.__getitem__(self, key)

    def __setitem__(self, key: str, value: Any) -> None:
        setattr(self, key, value)

    def __delitem__(self, key: str) -> None:
        dict.__delitem__(self, key)
        setattr(self, key, None)

    def __ior__(self, other: Any) -> Self:  # type: ignore[override, misc]
        self.update(other)
        return self

    def __iter__(self) -> Iterator[str]:
        return dict.__iter__(self)

    def __len__(self) -> int:
        return dict.__len__(self)

    def __contains__(self, key: object) -> bool:
        return dict.__contains__(self, key)

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={brief(value)}" for name, value in self.items())
        return f"{type(self).__name__}({shown})"


def brief(value: Any) -> str:
    """Return a line about a value of an output: the shape of a tensor, not its numbers."""
    if isinstance(value, Tensor):
        return f"Tensor{tuple(value.shape)}" if value.dim() else repr(value)
    if isinstance(value, tuple) and len(value) > 1 and len({brief(part) for part in value}) == 1:
        return f"({len(value)} x {brief(value[0])})"
    if isinstance(value, tuple):
        return f"({', '.join(map(brief, value))})"
    return repr(value)


def _flatten(output: ModelOutput) -> tuple[list[Any], list[str]]:
    return list(output.values()), list(output)


def _flatten_with_keys(output: ModelOutput) -> tuple[list[Any], list[str]]:
    return [(pytree.MappingKey(key), value) for key, value in output.items()], list(output)


def _unflatten(cls: type[ModelOutput], values: Iterable[Any], names: list[str]) -> ModelOutput:
    return cls(**dict(zip(names, values, strict=True)))
