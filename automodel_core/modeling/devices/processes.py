"""Processes that hold shards of one model, and do some things together and some alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch.distributed
from torch import nn

from automodel_core.checkpoint.loading.shards import is_sharded

__all__ = ["class_of", "first_process_alone", "is_shared_out"]


def class_of(module: nn.Module) -> type[nn.Module]:
    """Return a module's class, without what ``fully_shard`` puts before it."""
    return next(c for c in type(module).__mro__ if not c.__module__.startswith("torch.distributed"))


def is_shared_out(model: nn.Module) -> bool:
    """Return whether several processes hold shards of a model's weights."""
    return any(is_sharded(parameter) for parameter in model.parameters())


@contextmanager
def first_process_alone(shared_out: bool) -> Iterator[bool]:
    """Yield whether this process is to act; if ``shared_out``, the others wait for the first."""
    if not shared_out:
        yield True
        return
    try:
        yield torch.distributed.get_rank() == 0
    finally:
        torch.distributed.barrier()
