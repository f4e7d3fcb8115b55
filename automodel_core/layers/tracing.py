"""What a trace must not decide: what depends on the values of tensors, or on sizes left open.

``torch.compile``, ``torch.export`` and ``torch.jit.trace`` run a model to see its operations.
Whatever Python decides then holds for all inputs ever after.
"""

from __future__ import annotations

from typing import Any

import torch

__all__ = ["holds", "in_jit_trace", "in_trace"]


def in_jit_trace() -> bool:
    """Return whether ``torch.jit.trace`` is at work, which knows tensors and tuples only."""
    return bool(torch.jit.is_tracing())  # type: ignore[attr-defined, no-untyped-call]


def in_trace() -> bool:
    """Return whether the operations of this moment are recorded, for inputs not seen yet."""
    return torch.compiler.is_compiling() or in_jit_trace()


def holds(condition: Any) -> bool:
    """Return whether a condition on sizes holds for all inputs of a trace, if there is one."""
    if torch.compiler.is_compiling():
        from torch.fx.experimental.symbolic_shapes import statically_known_true

        return statically_known_true(condition)
    return condition is True if in_jit_trace() else bool(condition)
