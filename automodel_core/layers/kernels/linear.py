"""Linear and embedding layers that cost nothing to build on the meta device."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core.layers.kernels.cpu_products import linear

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Embedding", "Linear", "MissingRowError", "QuantisedLinear"]


class Linear(nn.Linear):
    """``nn.Linear`` that draws its first weights only where there is memory to hold them.

    Without gradients it multiplies by what is the fastest on this CPU. A load may leave the weight
    transposed, as the checkpoint stores it; `train` and `state_dict` make its rows contiguous, as
    optimisers and files want them, and so does `generate` where the CPU multiplies rows faster.
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        weight = torch.empty(out_features, in_features)
        if not weight.is_meta:
            super().__init__(in_features, out_features, bias)
            return
        # A load builds hundreds of these, and attributes of modules are slow to set.
        nn.Module.__init__(self)
        vars(self).update(in_features=in_features, out_features=out_features)
        self.register_parameter("weight", nn.Parameter(weight))
        self.register_parameter("bias", nn.Parameter(torch.empty(out_features)) if bias else None)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        if torch.is_grad_enabled():
            return F.linear(input, self.weight, self.bias)
        return linear(input, self.weight, self.bias)

    def train(self, mode: bool = True) -> Self:
        if mode:
            self.make_contiguous()
        return super().train(mode)

    def _save_to_state_dict(self, *arguments: Any) -> None:
        self.make_contiguous()
        super()._save_to_state_dict(*arguments)

    def make_contiguous(self) -> None:
        """Let the rows of the weight lie one after another in memory."""
        weight = self._parameters.get("weight")
        if weight is not None and not weight.is_contiguous():
            with torch.inference_mode(weight.is_inference()):
                weight.data = weight.data.contiguous()


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
    """An `Embedding` of ``rows`` rows has none for one of ``ids``."""

    def __init__(self, ids: Tensor, rows: int) -> None:
        super().__init__(
            f"ids must lie between 0 and {rows - 1}; those given reach from {int(ids.min())} to "
            f"{int(ids.max())}"
        )
        self.ids = ids


class Embedding(nn.Embedding):
    """``nn.Embedding`` that draws its first weights only where there is memory to hold them."""

    def reset_parameters(self) -> None:
        if not self.weight.is_meta:
            super().reset_parameters()

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """Look rows up; raise `MissingRowError` for an id that no row has."""
        try:
            return super().forward(input)
        except IndexError:
            raise MissingRowError(input, self.num_embeddings) from None
