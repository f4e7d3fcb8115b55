"""Loads in processes of their own, which tell what they read."""

from __future__ import annotations

import hashlib
import os
import resource
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from automodel_core.checkpoint.formats.choice import open_weights
from automodel_core.checkpoint.places.source import open_checkpoint
from support.tiny_lm import TinyForCausalLM

__all__ = ["digest", "load_within", "tell_digest"]


def digest(name: str | Path) -> str:
    """Return what tells one checkpoint's weights from another's."""
    state = TinyForCausalLM.from_pretrained(name).state_dict()
    found = hashlib.sha256()
    for key in sorted(state):
        found.update(key.encode() + bytes(state[key].contiguous().view(-1).view(torch.uint8)))
    return found.hexdigest()


def tell_digest(name: str, environment: dict[str, str], report: Connection) -> None:
    """Load from the hub that the variables name, and tell the digest or the error."""
    from huggingface_hub import constants, file_download

    os.environ.update(environment)
    changed = {
        "ENDPOINT": environment["HF_ENDPOINT"],
        "HUGGINGFACE_CO_URL_TEMPLATE": environment["HF_ENDPOINT"]
        + "/{repo_id}/resolve/{revision}/{filename}",
        "HF_HUB_CACHE": environment["HF_HUB_CACHE"],
        "HF_HUB_DISABLE_XET": True,
        "HF_HUB_DISABLE_PROGRESS_BARS": True,
    }
    for module in (constants, file_download):
        vars(module).update({key: value for key, value in changed.items() if key in vars(module)})
    try:
        report.send(digest(name))
    except Exception as error:  # noqa: BLE001 - the parent says whether it is expected
        report.send(f"{type(error).__name__}: {error}")


def load_within(folder: Path, limit: int, report: Connection) -> None:
    """Open all weights of a checkpoint where the process may address ``limit`` bytes."""
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    weights = open_weights(open_checkpoint(folder))
    tensors = [weights.tensor(name) for name in weights]
    with torch.no_grad():
        report.send(sum(float(tensor.view(-1)[-1]) for tensor in tensors))
