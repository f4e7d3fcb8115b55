"""How many rows of a large batch go through the layers at once."""

from __future__ import annotations

import torch
from torch import Tensor

from automodel_core.layers.tracing import in_trace

__all__ = ["rows_at_once"]

SHARE = 4 << 20
"""Bytes of states that go through the layers at once, without gradients.

What a layer makes of them, four times as wide, stays below 32 MB. For more than that, C's library
asks the system for new memory each time, which comes page by page.
"""

SHARE_OF_A_THREAD = 2 << 20


def rows_at_once(hidden_states: Tensor) -> int:
    """Return how many rows go through at once: all with gradients, in a trace, or on a GPU."""
    if torch.is_grad_enabled() or in_trace() or hidden_states.device.type != "cpu":
        return hidden_states.shape[0]
    share = max(SHARE, torch.get_num_threads() * SHARE_OF_A_THREAD)
    return max(1, share // max(1, hidden_states[:1].nbytes))
