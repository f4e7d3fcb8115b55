"""A sandbox in which a template cannot compute for long, nor make long texts.

Jinja's own sandbox keeps a template from everything but its data. This one counts what a template
does as well: turns of loops, calls, and characters. Needs the extra ``automodel-core[chat]``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, cast

from jinja2 import Template, nodes
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

__all__ = ["MOST_CHARACTERS", "BoundedEnvironment", "counted"]

MOST_STEPS = 1_000_000
"""Turns of loops and calls in one rendering; a long conversation with tools takes thousands."""
MOST_CHARACTERS = 50_000_000
"""Of one text, or items of one list."""
MOST_BITS = 10_000
"""Of one number."""
_WIDE = re.compile(r"%[^a-zA-Z%]*\d{5}")
_MAKE_LONG_TEXTS = ("batch", "center", "format", "indent", "slice")
"""Filters that make texts or lists as long as a number says."""


class _Steps:
    """How many steps are left."""

    def __init__(self, left: int) -> None:
        self.left = left


_steps: ContextVar[_Steps | None] = ContextVar("steps", default=None)


@contextmanager
def counted() -> Iterator[None]:
    """Count what templates do within, from the start."""
    token = _steps.set(_Steps(MOST_STEPS))
    try:
        yield
    finally:
        _steps.reset(token)


def check_length(value: Any) -> Any:
    """Return a value, unless it is a text or a list that is too long."""
    if isinstance(value, str | list | tuple) and len(value) > MOST_CHARACTERS:
        raise SecurityError(f"it makes a text or list of more than {MOST_CHARACTERS}")
    return value


class BoundedEnvironment(ImmutableSandboxedEnvironment):
    """An environment whose templates raise ``SecurityError`` where they would not end in time."""

    intercepted_binops = frozenset({"*", "**", "+", "%"})

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.filters["_loop"] = _loop
        self.filters["_joined"] = check_length
        for name in _MAKE_LONG_TEXTS:
            self.filters[name] = _with_small_numbers(self.filters[name])

    def bounded(self, source: str) -> Template:
        """Return the template of a source, in which loops and joined texts are counted."""
        tree = self.parse(source)
        for loop in list(tree.find_all(nodes.For)):
            loop.iter = _filtered(cast("nodes.Expr", loop.iter), "_loop")
        for joined in list(tree.find_all(nodes.Concat)):
            joined.nodes = [_filtered(node, "_joined") for node in joined.nodes]
        return self.from_string(tree)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Compute what is not too large."""
        if operator == "%" and isinstance(left, str):
            _check_format(left)
        elif operator == "**" and isinstance(left, int) and isinstance(right, int):
            _check_bits(left.bit_length() * abs(right))
        elif operator == "*" and isinstance(left, int) and isinstance(right, int):
            _check_bits(left.bit_length() + right.bit_length())
        elif operator == "*":
            _check_repeated(left, right)
            _check_repeated(right, left)
        return check_length(super().call_binop(context, operator, left, right))

    def call(self, context: Any, called: Any, *args: Any, **kwargs: Any) -> Any:
        """Call what the sandbox lets be called, with numbers that are not too large."""
        _count()
        _check_numbers((*args, *kwargs.values()))
        return super().call(context, called, *args, **kwargs)


def _count(steps: int = 1) -> None:
    counter = _steps.get()
    if counter is not None:
        counter.left -= steps
        if counter.left < 0:
            raise SecurityError(f"it takes more than {MOST_STEPS} steps")


def _loop(items: Iterable[Any]) -> Iterable[Any]:
    """Return what a loop runs over, and count its turns."""
    if isinstance(items, Sized):
        _count(len(items))
        return items
    return _one_by_one(items)


def _one_by_one(items: Iterable[Any]) -> Iterator[Any]:
    for item in items:
        _count()
        yield item


def _filtered(node: nodes.Expr, name: str) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


def _with_small_numbers(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)  # some say by an attribute that they want the environment first
    def checked(*args: Any, **kwargs: Any) -> Any:
        _check_numbers((*args, *kwargs.values()))
        for arg in args[:1]:
            if isinstance(arg, str):
                _check_format(arg)
        return function(*args, **kwargs)

    return checked


def _check_numbers(values: Iterable[Any]) -> None:
    if any(isinstance(value, int) and value > MOST_CHARACTERS for value in values):
        raise SecurityError(f"a number above {MOST_CHARACTERS} may be no argument")


def _check_format(text: str) -> None:
    if _WIDE.search(text):
        raise SecurityError("a format of five digits or more is refused")


def _check_bits(bits: int) -> None:
    if bits > MOST_BITS:
        raise SecurityError(f"it computes a number of more than {MOST_BITS} bits")


def _check_repeated(value: Any, times: Any) -> None:
    is_repeated = isinstance(value, str | list | tuple) and isinstance(times, int)
    if is_repeated and len(value) * times > MOST_CHARACTERS:
        raise SecurityError(f"it makes a text or list of more than {MOST_CHARACTERS}")
