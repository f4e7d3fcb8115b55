"""Typed fields of a configuration class: what an annotation accepts, and how it is checked."""

from __future__ import annotations

import copy
import functools
import math
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints

__all__ = [
    "Check",
    "Field",
    "NonNegativeFloat",
    "NonNegativeInt",
    "PositiveFloat",
    "PositiveInt",
    "Probability",
    "Range",
    "check_for",
    "fields_of",
]

Check = Callable[[Any], Any]
LARGEST = sys.float_info.max


@dataclass(frozen=True)
class Range:
    """The numbers that a field accepts; ``open_below`` leaves out ``minimum`` itself."""

    minimum: float = -math.inf
    maximum: float = math.inf
    open_below: bool = False

    def __contains__(self, value: float) -> bool:
        above = value > self.minimum if self.open_below else value >= self.minimum
        return above and value <= self.maximum

    def __str__(self) -> str:
        lower = (
            ""
            if self.minimum == -math.inf
            else f"{'>' if self.open_below else '>='} {self.minimum:g}"
        )
        upper = "" if self.maximum == math.inf else f"<= {self.maximum:g}"
        return " and ".join(part for part in (lower, upper) if part)


PositiveInt = Annotated[int, Range(minimum=1)]
NonNegativeInt = Annotated[int, Range(minimum=0)]
PositiveFloat = Annotated[float, Range(minimum=0, open_below=True)]
NonNegativeFloat = Annotated[float, Range(minimum=0)]
Probability = Annotated[float, Range(minimum=0, maximum=1)]


@dataclass(frozen=True)
class Field:
    """One key of a configuration; ``own`` if the architecture, not the common base, declares it.

    ``part`` is the class of the sub-config that the key holds, if it holds one.
    """

    name: str
    default: Any
    check: Check
    own: bool
    part: type[Any] | None = None

    def new_default(self) -> Any:
        return copy.deepcopy(self.default)


@functools.cache
def fields_of(cls: type, base: type) -> Mapping[str, Field]:
    """Return the fields of ``cls`` in the order of their declaration, the base's after its own."""
    hints = get_type_hints(cls, include_extras=True)
    common = get_type_hints(base, include_extras=True)
    names = [
        name
        for declaring in (
            *(c for c in reversed(cls.__mro__) if c not in base.__mro__),
            *reversed(base.__mro__),
        )
        for name in vars(declaring).get("__annotations__", {})
        if get_origin(hints[name]) is not ClassVar and hints[name] is not ClassVar
    ]
    fields = {}
    for name in dict.fromkeys(names):
        own = name not in common or any(
            name in vars(c).get("__annotations__", {}) for c in cls.__mro__ if c not in base.__mro__
        )
        part = _part_class(hints[name], base)
        fields[name] = Field(name, getattr(cls, name), check_for(hints[name]), own, part)
    return fields


def _part_class(annotation: Any, base: type) -> type[Any] | None:
    """Return the subclass of ``base`` that is a field's type: alone, or None, or Annotated."""
    if get_origin(annotation) in (Annotated, Union, types.UnionType):
        found = (_part_class(each, base) for each in get_args(annotation))
        return next((part for part in found if part is not None), None)
    is_part = isinstance(annotation, type) and issubclass(annotation, base)
    return annotation if is_part and get_origin(annotation) is None else None


def check_for(annotation: Any) -> Check:
    """Return a function that returns a value, normalised, or raises ``ValueError(expected)``."""
    origin, args = get_origin(annotation), get_args(annotation)
    if annotation is Any:
        return lambda value: value
    if origin is Annotated and isinstance(args[1], type):
        return check_for(args[1])
    if origin is Annotated:
        return _ranged(check_for(args[0]), describe(args[0]), args[1])
    if origin is Union or origin is types.UnionType:
        return _union(annotation, [check_for(arg) for arg in args])
    if origin is Literal:
        return _predicate(annotation, lambda value: value in args)
    if origin in (list, Sequence):
        return _sequence(annotation, check_for(args[0]))
    if origin is dict:
        return _mapping(annotation, check_for(args[0]), check_for(args[1]))
    if annotation is float:
        return _predicate(annotation, lambda value: _number(value) and abs(value) <= LARGEST)
    if annotation is int:
        return _predicate(
            annotation, lambda value: isinstance(value, int) and not isinstance(value, bool)
        )
    return _predicate(annotation, lambda value: isinstance(value, origin or annotation))


def describe(annotation: Any) -> str:
    """Return an annotation in the words of an error message."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated and isinstance(args[1], type):
        return describe(args[1])
    if origin is Annotated:
        return f"{describe(args[0])} {args[1]}"
    if origin is Union or origin is types.UnionType:
        return " or ".join(describe(arg) for arg in args)
    if origin is Literal:
        return "one of " + ", ".join(repr(arg) for arg in args)
    if origin in (list, dict, Sequence):
        kind = "dict" if origin is dict else "list"
        return f"{kind} of {' to '.join(describe(arg) for arg in args)}"
    if annotation is type(None):
        return "None"
    return str(annotation.__name__)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _predicate(annotation: Any, accepts: Callable[[Any], bool]) -> Check:
    def check(value: Any) -> Any:
        if not accepts(value):
            raise ValueError(describe(annotation))
        return value

    return check


def _ranged(inner: Check, what: str, bounds: Range) -> Check:
    def check(value: Any) -> Any:
        try:
            checked = inner(value)
        except ValueError:
            raise ValueError(f"{what} {bounds}") from None
        if checked not in bounds:
            raise ValueError(f"{what} {bounds}")
        return checked

    return check


def _union(annotation: Any, options: list[Check]) -> Check:
    def check(value: Any) -> Any:
        for option in options:
            try:
                return option(value)
            except ValueError:
                continue
        raise ValueError(describe(annotation))

    return check


def _sequence(annotation: Any, item: Check) -> Check:
    def check(value: Any) -> Any:
        if not isinstance(value, list | tuple):
            raise ValueError(describe(annotation))
        try:
            return [item(entry) for entry in value]
        except ValueError:
            raise ValueError(describe(annotation)) from None

    return check


def _mapping(annotation: Any, key: Check, item: Check) -> Check:
    def check(value: Any) -> Any:
        if not isinstance(value, Mapping):
            raise ValueError(describe(annotation))
        try:
            return {key(_json_key(k, key)): item(entry) for k, entry in value.items()}
        except ValueError:
            raise ValueError(describe(annotation)) from None

    return check


def _json_key(key: Any, check: Check) -> Any:
    """Return a JSON object's key as the integer that it spells, where integers are expected."""
    if isinstance(key, str) and key.lstrip("-").isdigit():
        try:
            return check(int(key))
        except ValueError:
            return key
    return key
