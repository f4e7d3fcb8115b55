"""Tensor parallelism: processes share out the layers of one model, each some heads and columns.

See https://arxiv.org/abs/1909.08053. Between layers, and where no layer is shared out, every
process has the whole states and computes the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from automodel_core.errors import InputError, did_you_mean, listed, shown
from automodel_core.layers.attention import Attention
from automodel_core.layers.kernels.linear import Embedding, Linear
from automodel_core.layers.positions.absolute import ScaledEmbedding
from automodel_core.modeling.devices.processes import class_of

if TYPE_CHECKING:
    from torch.distributed.device_mesh import DeviceMesh

__all__ = ["TensorParallelPlan", "parallelize", "share_out", "tp_plan_of"]

TensorParallelPlan = Mapping[str, str]
"""Styles by paths of modules, with ``*`` for a layer's number."""

STYLES = ("colwise", "rowwise", "colwise_gather_output", "embedding_rowwise")
"""A linear layer's rows or columns of outputs, the former also gathered; rows of an embedding."""


def tp_plan_of(model: nn.Module) -> dict[str, str]:
    """Return which layers of a model processes can share out, and how, by their paths.

    Bricks say it themselves by ``tp_plan``; the output layer and the embeddings tied to it are
    shared out by tokens.
    """
    plan: dict[str, str] = {}
    for path, module in model.named_modules():
        if not (isinstance(module, Attention) and _scores_all_heads(module.position_scores)):
            own = _own_plan(module) or {}
            plan.update({f"{path}.{part}": style for part, style in own.items()})
    return plan | _vocabulary(model)


def _own_plan(module: nn.Module) -> Mapping[str, str] | None:
    """Return the plan of a module's class itself: a subclass may compute something else."""
    own: Mapping[str, str] | None = vars(class_of(module)).get("tp_plan")
    return own


def _scores_all_heads(positions: nn.Module | None) -> bool:
    """Return whether a part that scores positions knows nothing of heads that are elsewhere."""
    return positions is not None and _own_plan(positions) is None


def _vocabulary(model: Any) -> dict[str, str]:
    """Return the plan of the output layer and what is tied to it, if all of them can be shared."""
    output = model.get_output_embeddings()
    if output is None:
        return {}
    styles = {
        Linear: "colwise_gather_output",
        Embedding: "embedding_rowwise",
        ScaledEmbedding: "embedding_rowwise",
    }
    tied = {
        path: styles.get(type(module))
        for path, module in model.named_modules()
        if module._parameters.get("weight") is output.weight
    }
    return {path: style for path, style in tied.items() if style} if all(tied.values()) else {}


def share_out(
    model: Any,
    plan: TensorParallelPlan | str | None,
    size: int | None,
    device_mesh: DeviceMesh | None,
) -> dict[str, str] | None:
    """Share out a model that is without memory, if any of the arguments asks for it.

    Return the device map of what each process is to hold.
    """
    if plan is None and size is None and device_mesh is None:
        return None
    mesh = _process_mesh(device_mesh, size)
    model.tie_weights()
    parallelize(model, mesh, "auto" if plan is None else plan)
    return {"": mesh.device_type}


def _process_mesh(device_mesh: DeviceMesh | None, tp_size: int | None) -> DeviceMesh:
    """Return the processes that share a model out: all of them, or the mesh's ``tp`` dimension.

    Raises `InputError` for a mesh of more dimensions, and for another size than ``tp_size``.
    """
    if device_mesh is None:
        from torch.distributed.device_mesh import init_device_mesh

        there = torch.distributed.is_available() and torch.distributed.is_initialized()
        if not there and not torch.distributed.is_torchelastic_launched():
            raise InputError(
                "tp_plan= shares a model out to processes, and there is one: start several with "
                "torchrun, or give device_mesh="
            )
        accelerator = torch.accelerator.current_accelerator(check_available=True)
        kind = "cpu" if accelerator is None else accelerator.type
        world = torch.distributed.get_world_size() if there else _launched()
        device_mesh = init_device_mesh(kind, (world,), mesh_dim_names=("tp",))
    if device_mesh.ndim > 1:
        if "tp" not in (device_mesh.mesh_dim_names or ()):
            raise InputError(
                f"device_mesh has {device_mesh.ndim} dimensions: call that of tensor parallelism "
                "'tp', or give device_mesh[name]"
            )
        device_mesh = device_mesh["tp"]
    if tp_size is not None and device_mesh.size() != tp_size:
        raise InputError(f"tp_size={tp_size}, and there are {device_mesh.size()} processes")
    return device_mesh


def _launched() -> int:
    import os

    return int(os.environ["WORLD_SIZE"])


def parallelize(
    model: nn.Module, device_mesh: DeviceMesh, plan: TensorParallelPlan | str = "auto"
) -> None:
    """Share a model's layers out to the processes of a mesh, which all call this.

    ``plan`` is `tp_plan_of` the model, or replaces single styles of it; the style ``"replicate"``
    leaves a layer whole. Raises `InputError` for a plan that names no layer or no style, and for
    heads that cannot be shared out evenly.
    """
    from torch.distributed.tensor.parallel import parallelize_module

    if plan != "auto" and not isinstance(plan, Mapping):
        raise InputError(f"tp_plan={shown(plan)}: give 'auto', or styles by paths of modules")
    styles = tp_plan_of(model)
    if isinstance(plan, Mapping):
        styles.update(_matched(plan, model))
    styles = {path: style for path, style in styles.items() if style != "replicate"}
    shared = _shared(model)
    parallelize_module(model, device_mesh, {p: _style(p, style) for p, style in styles.items()})
    for names in shared:
        first = model.get_parameter(names[0])
        for name in names[1:]:
            owner, _, leaf = name.rpartition(".")
            setattr(model.get_submodule(owner), leaf, first)
    for path, module in model.named_modules():
        if isinstance(module, Attention) and f"{path}.q_proj" in styles:
            try:
                module.share_heads(device_mesh.size())
            except ValueError as error:
                raise InputError(f"tp_plan: {error}") from error


def _matched(plan: TensorParallelPlan, model: nn.Module) -> dict[str, str]:
    """Return the caller's styles by full paths."""
    found: dict[str, str] = {}
    paths = [path for path, _ in model.named_modules()]
    for pattern, style in plan.items():
        if style != "replicate" and style not in STYLES:
            raise InputError(
                f"tp_plan: {shown(style)} is no style; those are {listed(STYLES)}, replicate"
            )
        rule = re.compile(re.escape(pattern).replace(r"\*", r"\d+"))
        matches = [path for path in paths if rule.fullmatch(path)]
        if not matches:
            raise InputError(
                f"tp_plan: no module is called {shown(pattern)}{did_you_mean(pattern, paths)}"
            )
        found.update(dict.fromkeys(matches, style))
    return found


def _style(path: str, style: str) -> Any:
    from torch.distributed.tensor import Replicate
    from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel

    if style == "colwise":
        return ColwiseParallel()
    if style == "rowwise":
        return RowwiseParallel()
    if style == "colwise_gather_output":
        return ColwiseParallel(output_layouts=Replicate())
    return RowwiseParallel(input_layouts=Replicate())


def _shared(model: nn.Module) -> list[list[str]]:
    """Return the names of weights that are one tensor."""
    names: dict[int, list[str]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        names.setdefault(id(parameter), []).append(name)
    return [group for group in names.values() if len(group) > 1]
