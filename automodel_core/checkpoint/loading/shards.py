"""Weights of which each process holds a shard: torch's ``DTensor``."""

from __future__ import annotations

import os
import sys
from typing import Any

import torch
from torch import Tensor

__all__ = ["is_one_of_several", "is_sharded", "local", "of_first", "sharded_like", "whole"]


def is_one_of_several() -> bool:
    """Return whether this process has joined others, or was started to join them."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return True
    started = os.environ.get("WORLD_SIZE", "")
    return started.isdecimal() and int(started) > 1


def is_sharded(tensor: Tensor) -> bool:
    """Return whether a tensor is a ``DTensor``, without importing what defines them."""
    module = sys.modules.get("torch.distributed.tensor")
    return module is not None and isinstance(tensor, module.DTensor)


def sharded_like(value: Tensor, like: Any) -> Tensor:
    """Return this process's shard of a whole value, placed as the ``DTensor`` ``like`` is."""
    from torch.distributed.tensor import distribute_tensor

    value = value.detach()
    return distribute_tensor(value, like.device_mesh, like.placements, src_data_rank=None)


def of_first(value: Tensor, like: Any) -> Tensor:
    """Return the value of the first process that holds a shard of ``like``; all must call this."""
    from torch.distributed.tensor import Replicate, distribute_tensor

    everywhere = [Replicate()] * like.device_mesh.ndim
    return local(distribute_tensor(value.detach(), like.device_mesh, everywhere))


def local(tensor: Any) -> Tensor:
    """Return this process's shard."""
    shard: Tensor = tensor.to_local()
    return shard


def whole(tensor: Any) -> Tensor:
    """Return the whole of a tensor, gathered from all processes if it is sharded."""
    if not is_sharded(tensor):
        found: Tensor = tensor
        return found
    gathered: Tensor = tensor.full_tensor()
    return gathered
