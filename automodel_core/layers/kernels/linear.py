"""Linear and embedding layers: how they are built, applied and told from others.

They are torch's own, so that tools find them by their type. What is ours lies beside them: they
cost nothing to build on the meta device, and `project` multiplies by the fastest product.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeGuard

import torch
from torch import Tensor, nn

from automodel_core.layers.kernels.cpu_products import TensorFunction, product
from automodel_core.layers.kernels.fresh_memory import contiguous_rows
from automodel_core.layers.tracing import in_jit_trace

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "Embedding",
    "Linear",
    "MissingRowError",
    "QuantisedLinear",
    "embedding",
    "has_hooks",
    "is_plain",
    "linear",
    "look_up",
    "make_contiguous",
    "project",
    "undrawn",
]

Embedding = nn.Embedding
Linear = nn.Linear


def undrawn(*shape: int) -> Tensor | None:
    """Return a weight on the meta device, or ``None`` where there is memory to draw values in."""
    weight = torch.empty(*shape)
    return weight if weight.is_meta else None


def linear(in_features: int, out_features: int, bias: bool = True) -> nn.Linear:
    """Return an ``nn.Linear``, whose first weights are drawn only where there is memory for them.

    A load builds hundreds of these, and attributes of modules are slow to set.
    """
    weight = undrawn(out_features, in_features)
    if weight is None:
        return nn.Linear(in_features, out_features, bias)
    layer = nn.Linear.__new__(nn.Linear)
    nn.Module.__init__(layer)
    vars(layer).update(in_features=in_features, out_features=out_features)
    layer.register_parameter("weight", nn.Parameter(weight))
    layer.register_parameter("bias", nn.Parameter(torch.empty(out_features)) if bias else None)
    return layer


def embedding(count: int, size: int, padding_idx: int | None = None) -> nn.Embedding:
    """Return an ``nn.Embedding``, whose first weights are drawn only where there is memory."""
    return nn.Embedding(count, size, padding_idx, _weight=undrawn(count, size))


def has_hooks(module: nn.Module) -> bool:
    """Return whether somebody watches or replaces what this one module's ``forward`` does."""
    replaced = "forward" in vars(module)
    return bool(module._forward_hooks or module._forward_pre_hooks or replaced)


def is_plain(module: nn.Module) -> TypeGuard[nn.Linear]:
    """Return whether a layer is nothing but weight and bias, so that a product may bypass it.

    A weight may be of a class with products of its own, as torchao's are.
    """
    if type(module) is not nn.Linear or has_hooks(module):
        return False
    weight = module.weight
    return type(weight) is nn.Parameter and type(weight.data) is Tensor


def project(layer: nn.Module, inputs: Tensor, activation: TensorFunction | None = None) -> Tensor:
    """Return ``layer(inputs)``, activated, without gradients by what is the fastest on this CPU.

    What is traced for other machines calls the layer, whose name and type tools look for.
    """
    if (
        type(layer) is nn.Linear
        and not torch.is_grad_enabled()
        and not has_hooks(layer)
        and not torch.compiler.is_exporting()
        and not in_jit_trace()
    ):
        return product(inputs, layer.weight, layer.bias, activation)
    projected: Tensor = layer(inputs)
    return projected if activation is None else activation(projected)


def make_contiguous(layer: nn.Linear) -> None:
    """Let the rows of a weight lie one after another in memory.

    A load may leave it transposed, as the checkpoint stores it. Optimisers and files want rows, and
    so does `generate` where the CPU multiplies them faster.
    """
    weight = layer._parameters.get("weight")
    if weight is not None and not weight.is_contiguous():
        with torch.inference_mode(weight.is_inference()):
            weight.data = contiguous_rows(weight.data)


class QuantisedLinear(nn.Module):
    """What stands in for a linear layer whose weights are held in fewer bits, for inference."""

    in_features: int
    out_features: int
    packed_bytes: int = 0
    """What the layer holds beside parameters and buffers."""

    @classmethod
    @abstractmethod
    def prepare(cls, layers: Sequence[Self], rows: int) -> Callable[[Tensor], Tensor]:
        """Return a function from ``(rows, in)`` to the layers' outputs side by side.

        It is kept while none of the layers' tensors changes.
        """


class MissingRowError(ValueError):
    """An embedding of ``rows`` rows has none for one of ``ids``."""

    def __init__(self, ids: Tensor, rows: int) -> None:
        super().__init__(
            f"ids must lie between 0 and {rows - 1}; those given reach from {int(ids.min())} to "
            f"{int(ids.max())}"
        )
        self.ids = ids


def look_up(table: nn.Module, ids: Tensor) -> Tensor:
    """Return the rows of an embedding; raise `MissingRowError` for an id that no row has."""
    try:
        rows: Tensor = table(ids)
    except IndexError:
        if not isinstance(table, nn.Embedding):
            raise
        raise MissingRowError(ids, table.num_embeddings) from None
    return rows
