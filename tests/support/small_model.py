"""A small model with fused, transposed and tied weights, and checkpoints of it."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from automodel_core.checkpoint.formats.choice import open_weights
from automodel_core.checkpoint.formats.tensors import LazyTensors
from automodel_core.checkpoint.names.table import WeightNames
from automodel_core.checkpoint.places.source import open_checkpoint
from automodel_core.checkpoint.save import save_weights

BODY = WeightNames(
    {"wte": "embed", "ln": "norm"},
    fused={"h.*.c_attn": ("layers.*.q", "layers.*.k", "layers.*.v")},
    transposed=("h.*.c_attn",),
    segment_aliases={"gamma": "weight", "beta": "bias"},
    aliases={"old": "wte"},
    ignored=("h.*.mask",),
)
NAMES = BODY.nested("transformer", "model") | WeightNames({"lm_head": "head"})
TIED = {"head.weight": "model.embed.weight"}


class Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4)


class Body(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(6, 4)
        self.layers = nn.ModuleList([Layer(), Layer()])
        self.norm = nn.LayerNorm(4)
        self.register_buffer("scale", torch.ones(2))
        self.register_buffer("cache", torch.ones(2), persistent=False)


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.model = Body()
        self.head = nn.Linear(4, 6, bias=False)


def on_meta(kind: type[nn.Module] = Model) -> nn.Module:
    with torch.device("meta"):
        return kind()


def checkpoint(**changes: torch.Tensor | None) -> dict[str, torch.Tensor]:
    """Return a whole checkpoint with hub names, dots written as double underscores in changes."""
    torch.manual_seed(0)
    model = Model()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_()
    state = NAMES.hub_state_dict(model.state_dict())
    for key, value in changes.items():
        name = key.replace("__", ".")
        state.pop(name, None)
        if value is not None:
            state[name] = value
    return state


def opened(state: dict[str, torch.Tensor], folder: Path, **options: object) -> LazyTensors:
    save_weights(state, folder, **options)  # type: ignore[arg-type]
    return open_weights(open_checkpoint(folder))
