"""Linear layers whose weights are whole numbers of eight bits, with one scale a row.

They take a quarter of the bytes of single precision, and bytes are what decoding waits for. Both
layers are for inference.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core.layers.kernels.cpu_products import (
    TensorFunction,
    cpu_facts,
    fast_product,
    has_fast_bfloat16,
)
from automodel_core.layers.kernels.linear import QuantisedLinear

__all__ = ["Int8DynamicLinear", "Int8Linear"]

LARGEST = 127
FEW_ROWS = 4
"""Up to so many rows, reading weights as bytes costs less than having them unpacked."""

GRAIN = 32
"""torch's product with bytes reads past the end of rows of other lengths than its multiples."""


@torch.no_grad()
def rounded(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return ``(out, in)`` weights as int8, and the scale ``(out,)`` of each row in bfloat16."""
    weight = weight.float().contiguous()
    # The scale is rounded first, so that its own error does not add to the weights'.
    scale = (weight.abs().amax(dim=1) / LARGEST).clamp_min(1e-30).bfloat16()
    numbers = (weight / scale.float()[:, None]).round_().clamp_(-LARGEST, LARGEST)
    return numbers.to(torch.int8), scale


class Int8Linear(QuantisedLinear):
    """Multiplies inputs in bfloat16 by ``weight * scale``: a row's result is its own in any batch.

    Where the CPU is slow at bfloat16, many rows are multiplied in single precision.
    """

    scale: Tensor

    def __init__(self, weight: Tensor, scale: Tensor, bias: Tensor | None = None) -> None:
        super().__init__()
        self.out_features, self.in_features = weight.shape
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.register_buffer("scale", scale)
        self.bias = _frozen(bias)

    @classmethod
    def of(cls, linear: nn.Linear) -> Int8Linear:
        """Return a layer with the weights of ``linear``, rounded."""
        return cls(*rounded(linear.weight), linear.bias)

    def forward(self, inputs: Tensor) -> Tensor:
        few = inputs.numel() <= FEW_ROWS * self.in_features
        if few and not inputs.requires_grad and _reads_bytes(self):
            product = _product_of_bytes(self.weight, self.scale, self.bias)
            return product(inputs.reshape(-1, self.in_features)).view(*inputs.shape[:-1], -1)
        weight = self.weight.to(_precision(self.weight.device))
        product = functools.partial(F.linear, weight=weight)
        return _scaled(product, weight.dtype, self.scale, self.bias)(inputs)

    @classmethod
    def prepare(cls, layers: Sequence[Int8Linear], rows: int) -> TensorFunction:
        if rows <= FEW_ROWS and all(map(_reads_bytes, layers)):
            return _beside([_product_of_bytes(n.weight, n.scale, n.bias) for n in layers])
        weight = torch.cat([layer.weight for layer in layers])
        weight = weight.to(_precision(weight.device))
        scale = torch.cat([layer.scale for layer in layers])
        bias = None
        if any(layer.bias is not None for layer in layers):
            biases = [torch.zeros_like(n.scale) if n.bias is None else n.bias for n in layers]
            bias = torch.cat([one.float() for one in biases])
        return _scaled(fast_product(weight, None, rows), weight.dtype, scale, bias)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}"


class Int8DynamicLinear(QuantisedLinear):
    """Rounds inputs to eight bits as well, row by row: products of whole numbers, on the CPU."""

    def __init__(self, weight: Tensor, scale: Tensor, bias: Tensor | None = None) -> None:
        super().__init__()
        if weight.device.type != "cpu" or not _has_product_of_whole_numbers():
            raise ValueError(
                "products of whole numbers need a CPU and a build of torch that has them: hold "
                "weights as 'int8', which rounds weights only"
            )
        self.out_features, self.in_features = weight.shape
        self.packed = _packed(weight, scale)
        self.packed_bytes = weight.nbytes + 4 * len(scale)
        self.bias = _frozen(bias)

    @classmethod
    def of(cls, linear: nn.Linear) -> Int8DynamicLinear:
        """Return a layer with the weights of ``linear``, rounded."""
        return cls(*rounded(linear.weight), linear.bias)

    def forward(self, inputs: Tensor) -> Tensor:
        if inputs.requires_grad:
            raise ValueError(
                "inputs that are rounded have no gradient: call the model under torch.no_grad(), "
                "or hold weights as 'int8', which rounds weights only"
            )
        return self._product()(inputs.float()).to(inputs.dtype)

    @classmethod
    def prepare(cls, layers: Sequence[Int8DynamicLinear], rows: int) -> TensorFunction:
        product = _beside([layer._product() for layer in layers])
        return lambda inputs: product(inputs.float()).to(inputs.dtype)

    def _product(self) -> TensorFunction:
        packed, bias, less = self.packed, self.bias, not _sums_without_overflow()
        product = torch.ops.quantized.linear_dynamic.default
        tiny = torch.tensor(1e-30)

        def run(inputs: Tensor) -> Tensor:
            if inputs.numel() == inputs.shape[-1]:
                outputs: Tensor = product(inputs, packed, less)
            else:
                # The operator rounds all rows by one scale, so each gets to the same size first.
                size = torch.add(tiny, inputs.abs().amax(dim=-1, keepdim=True))
                outputs = product(inputs / size, packed, less).mul_(size)
            return outputs if bias is None else outputs + bias

        return run

    def __getstate__(self) -> dict[str, Any]:
        numbers, _ = torch.ops.quantized.linear_unpack(self.packed)
        unpacked = numbers.int_repr(), numbers.q_per_channel_scales()
        return {**self.__dict__, "packed": unpacked}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__({**state, "packed": _packed(*state["packed"])})  # type: ignore[no-untyped-call]

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Any:
        if fn(torch.empty(0)).device.type != "cpu":
            raise ValueError("weights packed for products of whole numbers stay on the CPU")
        return super()._apply(fn, recurse)  # type: ignore[no-untyped-call]

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}"


def _frozen(bias: Tensor | None) -> nn.Parameter | None:
    return None if bias is None else nn.Parameter(bias.detach(), requires_grad=False)


def _beside(products: list[TensorFunction]) -> TensorFunction:
    """Return several products of the same inputs as one, outputs side by side."""
    if len(products) == 1:
        return products[0]
    return lambda inputs: torch.cat([product(inputs) for product in products], dim=-1)


# ---- weights as bytes, inputs in bfloat16 ----


def _precision(device: torch.device) -> torch.dtype:
    """Return what weights become where there are many rows; whole numbers stay what they are."""
    slow = device.type == "cpu" and not has_fast_bfloat16()
    return torch.float32 if slow else torch.bfloat16


def _scaled(
    product: TensorFunction, dtype: torch.dtype, scale: Tensor, bias: Tensor | None
) -> TensorFunction:
    """Return a product of inputs in ``dtype``, with its columns scaled and shifted."""
    scale = scale.float()

    def run(inputs: Tensor) -> Tensor:
        outputs = product(inputs.to(dtype)) * scale
        return (outputs if bias is None else outputs + bias).to(inputs.dtype)

    return run


def _product_of_bytes(weight: Tensor, scale: Tensor, bias: Tensor | None) -> TensorFunction:
    """Return the product of ``(rows, in)`` with weights as they are stored."""
    product = torch.ops.aten._weight_int8pack_mm.default
    if bias is None:
        return lambda inputs: product(inputs.bfloat16(), weight, scale).to(inputs.dtype)
    # A sum of two precisions has the higher one, which is the inputs'.
    return lambda inputs: bias + product(inputs.bfloat16(), weight, scale)


def _reads_bytes(layer: Int8Linear) -> bool:
    on_cpu = layer.weight.device.type == "cpu"
    return on_cpu and layer.in_features % GRAIN == 0 and _has_product_of_bytes()


@functools.cache
def _has_product_of_bytes() -> bool:
    """Return whether this build of torch has the product, and it gives right numbers."""
    weight = torch.arange(-64, 64, dtype=torch.int8).repeat(8).view(32, 32)
    scale, inputs = (torch.ones(32, dtype=torch.bfloat16) for _ in range(2))
    try:
        found = _product_of_bytes(weight, scale, None)(inputs[None])
    except (AttributeError, RuntimeError):
        return False
    return torch.equal(found[0], weight.float().sum(dim=1).bfloat16())


# ---- inputs as whole numbers too ----


def _packed(weight: Tensor, scale: Tensor) -> Any:
    """Return int8 weights in the layout of torch's quantised products."""
    zero_points = torch.zeros(len(weight), dtype=torch.long)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*deprecated", UserWarning)
        pack = torch._make_per_channel_quantized_tensor  # pyright: ignore[reportPrivateImportUsage]
        numbers = pack(weight, scale.float(), zero_points, 0)
    return torch.ops.quantized.linear_prepack(numbers, None)


def _sums_without_overflow() -> bool:
    """Return whether sums of the products of two bytes keep all bits; else inputs get 7 bits."""
    return not cpu_facts().isdisjoint(("avx512_vnni", "avx_vnni", "amx_int8"))


@functools.cache
def _has_product_of_whole_numbers() -> bool:
    """Return whether this build of torch has the product, and it gives right numbers."""
    weight = torch.full((16, 32), LARGEST, dtype=torch.int8)
    inputs = torch.linspace(0.0, 1.0, 32).repeat(2, 1)
    try:
        packed = _packed(weight, torch.ones(16))
        found = torch.ops.quantized.linear_dynamic(inputs, packed, not _sums_without_overflow())
    except (AttributeError, RuntimeError):
        return False
    return torch.allclose(found, inputs @ weight.float().t(), rtol=0.02)
