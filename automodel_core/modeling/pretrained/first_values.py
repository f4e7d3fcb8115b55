"""Initial values of the parameters that no checkpoint provides, and of those only."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import nn

__all__ = ["init_normal", "initialise", "initialise_missing"]

InitModule = Callable[[nn.Module], None]
WITH_BIAS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.LayerNorm, nn.GroupNorm)


@torch.no_grad()
def init_normal(module: nn.Module, std: float) -> None:
    """Draw weights of linear layers and embeddings from a normal distribution; biases 0, norms 1.

    An embedding's padding row is 0. Modules of other kinds are left alone.
    """
    if isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d | nn.Embedding):
        module.weight.normal_(0.0, std)
    elif isinstance(module, nn.LayerNorm | nn.GroupNorm) and module.weight is not None:
        module.weight.fill_(1.0)
    if isinstance(module, nn.Embedding) and module.padding_idx is not None:
        module.weight[module.padding_idx].zero_()
    elif isinstance(module, WITH_BIAS) and module.bias is not None:
        module.bias.zero_()


def initialise(model: nn.Module, init_module: InitModule) -> None:
    """Initialise every module, children before their parents."""
    for module in reversed(list(model.modules())):
        init_module(module)


@torch.no_grad()
def initialise_missing(
    model: nn.Module,
    missing: Mapping[str, torch.device],
    init_module: InitModule,
    *,
    dtype: torch.dtype,
) -> None:
    """Initialise the parameters named, each on its device, and no others.

    An initialiser may write every parameter of its module and of the parts inside, so the loaded
    ones are replaced meanwhile by tensors without memory, on which writing does nothing.
    """
    loaded: dict[str, nn.Parameter] = {}
    drawn: dict[nn.Parameter, nn.Parameter] = {}
    for name, parameter in list(model.named_parameters(remove_duplicate=False)):
        owner, leaf = _owner(model, name)
        if name in missing:
            if parameter not in drawn:
                fresh = torch.zeros(parameter.shape, dtype=dtype, device=missing[name])
                drawn[parameter] = nn.Parameter(fresh, requires_grad=parameter.requires_grad)
            owner._parameters[leaf] = drawn[parameter]
        else:
            loaded[name] = parameter
            owner._parameters[leaf] = nn.Parameter(
                parameter.detach().to("meta"), requires_grad=False
            )
    try:
        initialise(model, init_module)
    finally:
        for name, parameter in loaded.items():
            owner, leaf = _owner(model, name)
            owner._parameters[leaf] = parameter


def _owner(model: nn.Module, name: str) -> tuple[nn.Module, str]:
    path, _, leaf = name.rpartition(".")
    return model.get_submodule(path), leaf
