"""Convolutions over time and of patches, without gradients by the products that are the fastest."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core.layers.kernels.cpu_products import (
    TensorFunction,
    are_bare,
    multiply,
)
from automodel_core.layers.kernels.decode_steps import kept, weight_version
from automodel_core.layers.kernels.linear import has_hooks
from automodel_core.layers.tracing import in_trace

__all__ = ["convolve_folded", "convolve_patches", "convolve_samples", "convolve_widely"]

WIDE = 64
"""The least kernel that is worth the spectra of its weights, which take twice their memory."""


def convolve_samples(
    layer: nn.Conv1d, norm: nn.GroupNorm, waveforms: Tensor, activation: TensorFunction
) -> Tensor:
    """Return activated ``norm(layer(waveforms))`` of ``(batch, 1, samples)``, without padding.

    The norm is of each channel over time. As filters are linear, what it measures follows from the
    covariances of the samples in a window; so it is multiplied into the filters, and windows are
    multiplied by these.
    """
    if not _are_bare((layer, norm), waveforms):
        return activation(norm(layer(waveforms)))
    windows = waveforms[:, 0].unfold(1, layer.kernel_size[0], layer.stride[0])
    filters = layer.weight.flatten(1)
    maps = [
        multiply(
            normed_filters(filters, norm, each), F.pad(each, (0, 1), value=1.0), None, activation
        )
        for each in windows
    ]
    return torch.stack(maps) if len(maps) > 1 else maps[0][None]


def normed_filters(filters: Tensor, norm: nn.GroupNorm, windows: Tensor) -> Tensor:
    """Return filters ``(channels, samples + 1)``, the last column of which is added."""
    precise, seen = filters.double(), windows.double()
    mean = seen.mean(0)
    covariance = torch.cov(seen.T, correction=0).view(len(mean), -1)
    variance = ((precise @ covariance) * precise).sum(1)
    scale = norm.weight * (variance.clamp(min=0.0) + norm.eps).rsqrt()
    shift = norm.bias - precise @ mean * scale
    return torch.cat([precise * scale[:, None], shift[:, None]], dim=1).to(filters.dtype)


def convolve_widely(layer: Any, inputs: Tensor, kernel: int) -> Tensor:
    """Return ``layer(inputs)`` of ``(batch, channels, time)``.

    The layer is a convolution in groups, of stride and dilation 1, padded by half of the kernel on
    both sides. A wide kernel is a product of spectra, a small matrix for each group and frequency;
    those of the weights are kept until these change.
    """
    if kernel < WIDE or not _are_bare((layer,), inputs):
        convolved: Tensor = layer(inputs)
        return convolved
    spectra = kept(
        layer,
        tuple(map(weight_version, layer.parameters())),
        lambda: spectra_of(layer.weight, layer.groups),
    )
    maps = by_spectra(inputs, spectra, kernel)
    return maps if layer.bias is None else maps.add_(layer.bias[:, None])


def convolve_folded(layer: nn.Conv2d, maps: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Return ``layer(maps) * scale + shift`` of a layer without bias, ``(out,)`` each, at once.

    Where there is no gradient, channels are made the last in memory, where places of a map are rows
    of a product.
    """
    weight = layer.weight * scale[:, None, None, None]
    bare = _are_bare((layer,), maps)
    if bare:
        maps = maps.contiguous(memory_format=torch.channels_last)
    if not bare or weight.shape[2:] != (1, 1) or layer.groups > 1 or any(layer.padding):
        convolved: Tensor = layer._conv_forward(maps, weight, shift)
        return convolved
    down, right = layer.stride
    places = maps[..., ::down, ::right].permute(0, 2, 3, 1)
    return multiply(places, weight.flatten(1), shift, None).permute(0, 3, 1, 2)


def convolve_patches(layer: nn.Conv2d, images: Tensor) -> Tensor:
    """Return ``layer(images)`` as ``(batch, patches, out)``, row by row.

    The layer's stride is its kernel, so that each patch is a row of one product.
    """
    height, width = layer.kernel_size
    rows, columns = images.shape[-2] // height, images.shape[-1] // width
    if not (rows and columns and _are_bare((layer,), images)):
        convolved: Tensor = layer(images)
        return convolved.flatten(2).transpose(1, 2)
    whole = images[..., : rows * height, : columns * width]
    grid = whole.unflatten(3, (columns, width)).unflatten(2, (rows, height))
    patches = grid.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)
    return multiply(patches, layer.weight.flatten(1), layer.bias, None)


def block_of(kernel: int) -> int:
    """Return how many frames share a spectrum: about half of them give a frame of output."""
    return 1 << kernel.bit_length()


def spectra_of(weight: Tensor, groups: int) -> Tensor:
    """Return ``(groups, frequencies, out, in)`` of a weight ``(out of all groups, in, kernel)``.

    They are conjugated, as convolutions of nets do not turn their kernels round.
    """
    grouped = weight.unflatten(0, (groups, -1))
    spectra: Tensor = torch.fft.rfft(grouped, block_of(weight.shape[-1]))
    return spectra.conj().permute(0, 3, 1, 2).contiguous()


def by_spectra(inputs: Tensor, spectra: Tensor, kernel: int) -> Tensor:
    """Convolve ``(batch, channels, time)`` block by block (the overlap-save method)."""
    batch, _, time = inputs.shape
    groups, _, out, _ = spectra.shape
    block, padding = block_of(kernel), kernel // 2
    step, frames = block - kernel + 1, time + 2 * padding - kernel + 1
    count = -(-frames // step)
    padded = F.pad(inputs, (padding, count * step + kernel - 1 - time - padding))
    blocks = torch.fft.rfft(padded.unfold(2, block, step)).unflatten(1, (groups, -1))
    columns = blocks.permute(1, 4, 2, 0, 3).flatten(3)  # groups, frequencies, in, batch x blocks
    products = (spectra @ columns).unflatten(3, (batch, count)).permute(3, 0, 2, 4, 1)
    convolved: Tensor = torch.fft.irfft(products, block)[..., :step]
    return convolved.reshape(batch, groups * out, count * step)[..., :frames]


def _are_bare(layers: Iterable[nn.Module], inputs: Tensor) -> bool:
    """Return whether nobody watches the layers, or asks for their gradients."""
    return (
        not torch.is_grad_enabled()
        and not in_trace()
        and not any(map(has_hooks, layers))
        and all(are_bare(inputs, weight) for each in layers for weight in each.parameters())
    )
