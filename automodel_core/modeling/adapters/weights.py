"""Weights of adapters under the names of a model's modules, and under the hub's.

The hub may hold several of a model's projections joined to one. An adapter there adds ``B A`` to
all outputs; here each part has the same ``A`` and its rows of ``B``. The other way round, different
``A`` are stacked and the ``B`` stand on a diagonal of blocks, whose ranks the file notes, so that
they are taken apart again. All this is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from automodel_core.checkpoint.names.module_paths import HubModule, ModulePaths
from automodel_core.errors import InputError, listed, shown

__all__ = ["PREFIX", "Blocks", "HubAdapter", "to_hub", "to_modules"]

PREFIX = "base_model.model."
"""What the package puts before the names of all weights in a file."""
Blocks = Mapping[str, Sequence[int]]
"""The ranks of the parts of joined projections whose ``A`` are stacked, by their paths on the hub.

A rank of 0 is that of a part without an adapter.
"""
SHARED = ("lora_A",)
"""Weights that see the input, which all parts of a joined projection share."""
WHOLE = ("weight", "bias", "base_layer.weight", "base_layer.bias")
"""Weights of a module itself that are trained whole."""
BY_ROW = ("lora_B", "lora_magnitude_vector", "ia3_l", "base_layer", "weight", "bias")
"""Weights with a row for each output."""


@dataclass(frozen=True)
class HubAdapter:
    """The weights of an adapter by the hub's names, and the ranks that joining made."""

    weights: dict[str, Tensor]
    ranks: dict[str, int]
    """The rank of each joined projection that is adapted, by its path on the hub."""
    blocks: Blocks


def to_modules(
    state: Mapping[str, Tensor], paths: ModulePaths, blocks: Blocks | None = None
) -> dict[str, Tensor]:
    """Return an adapter's weights by the names of a model's modules.

    ``state`` has these names or the hub's, with or without `PREFIX`; the result has it. Raises
    `InputError` if a weight belongs to no module of the model.
    """
    found: dict[str, Tensor] = {}
    unknown = []
    for name, tensor in state.items():
        place = paths.split(name.removeprefix(PREFIX))
        if place is None:
            own = paths.names.to_module(name.removeprefix(PREFIX))
            if any(paths.split(each) is None for each in own):
                unknown.append(name)
            found.update({PREFIX + each: tensor for each in own})
            continue
        module, is_on_hub, rest = place
        if not is_on_hub:
            found[name if name.startswith(PREFIX) else PREFIX + name] = tensor
            continue
        whole = tensor.t() if _is_turned(module, rest, tensor) else tensor
        ranks = (blocks or {}).get(module.path)
        parts = _split(rest, whole, len(module.modules), ranks)
        for index, (path, part) in enumerate(zip(module.modules, parts, strict=True)):
            if ranks is None or ranks[index]:
                found[f"{PREFIX}{path}.{rest}"] = part.contiguous()
    if unknown:
        raise InputError(
            f"the adapter holds {len(unknown)} weights of modules that the model has not: "
            f"{listed(unknown)}; it may have been trained on another architecture or head"
        )
    return found


def to_hub(
    state: Mapping[str, Tensor],
    paths: ModulePaths,
    scale_of: Callable[[str], float],
    base_of: Callable[[str], nn.Module],
) -> HubAdapter:
    """Return an adapter's weights by the hub's names.

    Where versions of the reference have other paths for a module, its adapter is there under each.
    ``scale_of`` is by what ``B A`` of a module is multiplied; a joined projection takes that of its
    first part. ``base_of`` returns the module at a path, without adapters.
    """
    found: dict[str, Tensor] = {}
    ranks, blocks = {}, {}
    joined: dict[HubModule, dict[str, dict[str, Tensor]]] = {}
    for name, tensor in state.items():
        place = paths.split(name.removeprefix(PREFIX))
        if place is None:
            found[name] = tensor
            continue
        module, _, rest = place
        if len(module.modules) > 1:
            path = name.removeprefix(PREFIX).removesuffix(f".{rest}")
            joined.setdefault(module, {}).setdefault(path, {})[rest] = tensor
        else:
            found |= _named(module, rest, tensor)
    for module, parts in joined.items():
        weights = _joined(module, parts, scale_of, base_of)
        if "lora_A.weight" in weights:
            ranks[module.path] = len(weights["lora_A.weight"])
            own = [len(parts.get(p, {}).get("lora_A.weight", ())) for p in module.modules]
            if sum(own) == ranks[module.path]:
                blocks[module.path] = own
        for rest, tensor in weights.items():
            found |= _named(module, rest, tensor)
    return HubAdapter({name: each.contiguous() for name, each in found.items()}, ranks, blocks)


def _named(module: HubModule, rest: str, tensor: Tensor) -> dict[str, Tensor]:
    """Return a weight under the names that files have for it; a large one is there once."""
    turned = tensor.t() if _is_turned(module, rest, tensor) else tensor
    paths = (module.path,) if rest == "weight" else (module.path, *module.other_paths)
    return {f"{PREFIX}{path}.{rest}": turned for path in paths}


def _is_turned(module: HubModule, rest: str, tensor: Tensor) -> bool:
    """Return whether this is a module's own weight, stored ``(in, out)`` on the hub."""
    return module.transposed and rest in WHOLE and tensor.dim() == 2


def _split(rest: str, tensor: Tensor, count: int, ranks: Sequence[int] | None) -> Sequence[Tensor]:
    if count == 1:
        return [tensor]
    kind = _kind(rest)
    if ranks is not None and kind in SHARED:
        rows: Sequence[Tensor] = tensor.split(list(ranks))
        return rows
    if ranks is not None and rest == "lora_B.weight":
        parts = enumerate(tensor.chunk(count))
        return [part.split(list(ranks), dim=1)[index] for index, part in parts]
    if kind in SHARED or (kind == "ia3_l" and len(tensor) == 1):
        return [tensor.clone() for _ in range(count)]
    if len(tensor) % count:
        raise InputError(
            f"a weight {shown(rest)} of shape {list(tensor.shape)} cannot be split into {count} "
            "equal parts"
        )
    return tensor.chunk(count)


def _kind(rest: str) -> str:
    kind = rest.partition(".")[0]
    if kind not in (*SHARED, *BY_ROW):
        raise InputError(
            f"the adapter has weights {shown(kind)} on a projection that the hub joins from "
            "several: only LoRA, DoRA and IA3 can be split and joined"
        )
    return kind


def _joined(
    module: HubModule,
    parts: Mapping[str, Mapping[str, Tensor]],
    scale_of: Callable[[str], float],
    base_of: Callable[[str], nn.Module],
) -> dict[str, Tensor]:
    """Return the weights of an adapter on a joined projection, of which some parts are adapted."""
    found: dict[str, Tensor] = {}
    inputs = {path: own["lora_A.weight"] for path, own in parts.items() if "lora_A.weight" in own}
    if inputs:
        found |= _joined_low_rank(module, inputs, parts, scale_of, base_of)
    for rest in sorted({rest for own in parts.values() for rest in own} - found.keys()):
        kind = _kind(rest)
        example = next(own[rest] for own in parts.values() if rest in own)
        rows = []
        for path in module.modules:
            tensor = parts.get(path, {}).get(rest)
            if tensor is None:
                tensor = _neutral(rest, example, base_of(path))
            rows.append(tensor)
        found[rest] = rows[0] if kind == "ia3_l" and len(example) == 1 else torch.cat(rows)
    return found


def _joined_low_rank(
    module: HubModule,
    inputs: Mapping[str, Tensor],
    parts: Mapping[str, Mapping[str, Tensor]],
    scale_of: Callable[[str], float],
    base_of: Callable[[str], nn.Module],
) -> dict[str, Tensor]:
    first = next(path for path in module.modules if path in inputs)
    is_shared = all(torch.equal(inputs[first], each) for each in inputs.values())
    outputs = []
    for path in module.modules:
        if path in inputs:
            output = parts[path]["lora_B.weight"]
            ratio = scale_of(path) / scale_of(first)
            outputs.append(output if ratio == 1 else output * ratio)
        else:
            rows, rank = len(base_of(path).get_parameter("weight")), len(inputs[first])
            outputs.append(inputs[first].new_zeros(rows, rank if is_shared else 0))
    if is_shared:
        return {"lora_A.weight": inputs[first], "lora_B.weight": torch.cat(outputs)}
    stacked = torch.cat([inputs[path] for path in module.modules if path in inputs])
    return {"lora_A.weight": stacked, "lora_B.weight": torch.block_diag(*outputs)}


def _neutral(rest: str, example: Tensor, base: nn.Module) -> Tensor:
    """Return what changes nothing, for a part that has no adapter."""
    kind, _, leaf = rest.partition(".")
    if rest in WHOLE:
        return base.get_parameter(leaf or kind).detach()
    weight = base.get_parameter("weight").detach()
    if kind == "lora_magnitude_vector":
        lengths: Tensor = torch.linalg.vector_norm(weight, dim=1)
        return lengths.to(example.dtype)
    neutral = 1.0 if kind == "ia3_l" else 0.0
    return example.new_full((len(weight), *example.shape[1:]), neutral)
