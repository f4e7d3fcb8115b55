"""Which step of a pipeline an option is for: the steps say it by their keyword arguments."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from automodel_core.errors import InputError, did_you_mean, shown

__all__ = ["STEPS", "keywords_of", "sorted_options"]

STEPS = ("preprocess", "forward", "postprocess")


@functools.cache
def keywords_of(step: Callable[..., Any]) -> tuple[frozenset[str], bool]:
    """Return the names of a function's keyword-only arguments, and whether it takes any others."""
    parameters = inspect.signature(step).parameters.values()
    names = frozenset(p.name for p in parameters if p.kind is p.KEYWORD_ONLY)
    return names, any(p.kind is p.VAR_KEYWORD for p in parameters)


def sorted_options(
    pipeline_class: type[Any], given: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """Return the options of each step; a name that several steps have goes to each of them.

    What no step names goes to the step that takes any keyword; if there is none, `InputError` says
    which option is unknown.
    """
    taken = {step: keywords_of(vars_of(pipeline_class, step)) for step in STEPS}
    options: dict[str, dict[str, Any]] = {step: {} for step in STEPS}
    for name, value in given.items():
        named = [step for step in STEPS if name in taken[step][0]]
        steps = named or [step for step in STEPS if taken[step][1]]
        if not steps:
            known = sorted({name for names, _ in taken.values() for name in names})
            raise InputError(
                f"{pipeline_class.__name__} has no option {shown(name)}"
                f"{did_you_mean(name, known)}; it has {', '.join(known) or 'none'}"
            )
        for step in steps:
            options[step][name] = value
    return options


def vars_of(pipeline_class: type[Any], name: str) -> Callable[..., Any]:
    """Return a method of a class as a function."""
    found: Callable[..., Any] = inspect.getattr_static(pipeline_class, name)
    return found
