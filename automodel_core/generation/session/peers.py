"""Processes that hold shards of the same model, and must run as many forwards."""

from __future__ import annotations

from typing import cast

import torch
import torch.distributed
from torch import nn

from automodel_core.errors import GenerationArgumentError
from automodel_core.generation.session.protocol import GenerativeModel

__all__ = ["Peers", "find_peers", "gather_first"]


class Peers:
    """The processes that generate with shards of one model (FSDP, ZeRO stage 3)."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def any_running(self, running: bool = True) -> bool:
        """Say whether this process still generates; return whether any does."""
        flag = torch.tensor(float(running), device=self.device)
        torch.distributed.all_reduce(flag)
        return bool(flag > 0)


def find_peers(model: GenerativeModel, synced_gpus: bool | None) -> Peers | None:
    """Return the peers that ``synced_gpus`` asks for; None asks for them if the model is sharded.

    Raise `GenerationArgumentError` if there is no process group.
    """
    there = torch.distributed.is_available() and torch.distributed.is_initialized()
    if synced_gpus and not there:
        raise GenerationArgumentError(
            "synced_gpus=True needs an initialised torch.distributed process group"
        )
    if not there or torch.distributed.get_world_size() == 1 or synced_gpus is False:
        return None
    return Peers(model.device) if synced_gpus or _is_sharded(cast(nn.Module, model)) else None


def _is_sharded(model: nn.Module) -> bool:
    from torch.distributed.fsdp import FSDPModule, FullyShardedDataParallel

    return any(isinstance(m, (FullyShardedDataParallel, FSDPModule)) for m in model.modules())


def gather_first(model: nn.Module, method: str) -> None:
    """Let a model that `fully_shard` shards gather its own weights before a method, too.

    Else they are gathered by ``forward`` alone, and what calls a part of the model, such as the
    encoder, meets shards.
    """
    there = torch.distributed.is_available() and torch.distributed.is_initialized()
    if not there or method in vars(model):
        return
    from torch.distributed.fsdp import FSDPModule, register_fsdp_forward_method

    if isinstance(model, FSDPModule):
        register_fsdp_forward_method(model, method)
