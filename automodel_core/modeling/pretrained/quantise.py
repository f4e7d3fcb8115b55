"""Weights in fewer bits: which layers of a loaded model get them.

These are the linear layers of stacks and the output layer. Embeddings, norms, poolers,
classifiers and what computes positions keep their precision: they are small, or read one row at a
time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from automodel_core.checkpoint.loading.memory import WeightSize
from automodel_core.checkpoint.loading.ties import find_slots
from automodel_core.errors import InputError, shown
from automodel_core.layers.images.cosine import ContinuousPositions
from automodel_core.layers.kernels.int8 import Int8DynamicLinear, Int8Linear
from automodel_core.layers.kernels.linear import QuantisedLinear
from automodel_core.layers.stack import LayerStack
from automodel_core.modeling.pretrained.weighted import WeightedModel

__all__ = [
    "quantise_int8",
    "quantise_int8_dynamic",
    "refuse_quantised",
    "replace_linears",
    "weight_sizes",
]

LEFT_OUT = "modules_to_not_convert"


def quantise_int8(model: WeightedModel, settings: Mapping[str, Any]) -> None:
    """Round weights to eight bits; activations stay in bfloat16 precision."""
    replace_linears(model, Int8Linear.of, settings)


def quantise_int8_dynamic(model: WeightedModel, settings: Mapping[str, Any]) -> None:
    """Round weights to eight bits, and activations, row by row."""
    replace_linears(model, Int8DynamicLinear.of, settings)


def replace_linears(
    model: WeightedModel,
    replacement: Callable[[nn.Linear], QuantisedLinear],
    settings: Mapping[str, Any],
) -> None:
    """Replace a model's large linear layers, and freeze the other weights.

    ``modules_to_not_convert`` in ``settings`` lists layers to leave as they are, by a part of their
    name, here or on the hub. Raises `InputError` for other settings and for names of no layer.
    """
    unknown = settings.keys() - {LEFT_OUT}
    if unknown:
        raise InputError(
            f"quantization_config: {', '.join(sorted(unknown))} cannot be set; {LEFT_OUT} can"
        )
    layers = _large_linears(model)
    for name in settings.get(LEFT_OUT) or ():
        kept = {path for path in layers if _is_meant(model, path, name)}
        if not kept:
            raise InputError(f"{LEFT_OUT}: {shown(name)} is in the name of no linear layer")
        layers = {path: layer for path, layer in layers.items() if path not in kept}
    for path, layer in layers.items():
        parent, _, leaf = path.rpartition(".")
        setattr(model.get_submodule(parent), leaf, replacement(layer).train(layer.training))
    model.requires_grad_(False)


def weight_sizes(model: WeightedModel) -> dict[str, WeightSize]:
    """Return what the memory of each weight follows from; a model without memory will do."""
    linears = {f"{path}.weight" for path in _large_linears(model)}
    wide = set(model.segments_in_fp32())
    source_of, sizes = model.ties_to_load(), {}
    for name, slot in find_slots(model).items():
        if name != slot.name:
            continue
        sizes[name] = WeightSize(
            tuple(slot.tensor.shape),
            str(slot.tensor.dtype).removeprefix("torch."),
            rounded=name in linears,
            only_rounded=source_of.get(name, name) != name,
            in_fp32=not wide.isdisjoint(name.split(".")),
        )
    return sizes


def _large_linears(model: WeightedModel) -> dict[str, nn.Linear]:
    output = model.get_output_embeddings()
    stacks = [part for part in model.modules() if isinstance(part, LayerStack)]
    inside = {id(module) for stack in stacks for module in stack.modules()}
    positions = [part for part in model.modules() if isinstance(part, ContinuousPositions)]
    inside -= {id(module) for part in positions for module in part.modules()}
    return {
        path: module
        for path, module in model.named_modules()
        if type(module) is nn.Linear and (module is output or id(module) in inside)
    }


def _is_meant(model: WeightedModel, path: str, name: str) -> bool:
    """Return whether a name is a run of whole segments of a layer's, in the model or on the hub."""
    hub = model.own_names().to_hub(f"{path}.weight").name
    return any(f".{name}." in f".{candidate}." for candidate in (path, hub))


def refuse_quantised(model: nn.Module, doing: str) -> None:
    """Raise `InputError` for a model with weights in fewer bits."""
    if any(isinstance(module, QuantisedLinear) for module in model.modules()):
        raise InputError(
            f"{doing} needs the weights that the checkpoint holds, and this model was loaded with "
            "fewer bits: load it again without weights= or quantization_config="
        )
