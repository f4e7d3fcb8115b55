"""Which keys each query sees."""

from __future__ import annotations

from typing import Final

from torch import Tensor

__all__ = ["CAUSAL", "KeyView", "Mask"]


class KeyView:
    """Which keys each query sees, in a form that only some attention understands.

    Caches pass it through: whoever understands it also hides their unused slots.
    """


CAUSAL: Final = KeyView()
"""Queries are the last of the keys, and see those up to their own position, which kernels know."""

Mask = Tensor | KeyView | None
"""Numbers to add to the scores ``(batch, heads, queries, keys)``, a view, or nothing to hide."""
