"""The layers of Wav2Vec2, HuBERT and WavLM, and the adapters in and behind them."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import automodel_core.families.wav2vec2 as family
from automodel_core import layers
from automodel_core.layers import layer_norm
from automodel_wav2vec2.configuration import AdaptableConfig, SpeechConfig, Wav2Vec2Config


def speech_layer(config: SpeechConfig) -> layers.TransformerLayer:
    """Return a layer of HuBERT, which is that of Wav2Vec2 without an adapter."""
    return layers.TransformerLayer(*layer_parts(config), **layer_settings(config))


def wav2vec2_layer(config: Wav2Vec2Config) -> layers.TransformerLayer:
    """Return a layer, with an adapter where a pre-norm model asks for one."""
    if config.adapter_attn_dim is None or not config.do_stable_layer_norm:
        return speech_layer(config)
    adapter = LanguageAdapter(config.hidden_size, config.adapter_attn_dim)
    return AdaptedLayer(adapter, *layer_parts(config), **layer_settings(config))


def layer_parts(config: SpeechConfig) -> tuple[Any, ...]:
    """Return attention, feed-forward part and norm."""
    size = config.hidden_size
    return (
        layers.Attention(
            layers.equal_heads(size, config.num_attention_heads), dropout=config.attention_dropout
        ),
        *further_parts(config),
    )


def further_parts(config: SpeechConfig) -> tuple[Any, ...]:
    """Return what a layer has beside its attention."""
    size = config.hidden_size
    feed_forward = layers.FeedForward(
        size,
        config.intermediate_size,
        activation=config.hidden_act,
        dropout=config.activation_dropout,
    )
    return feed_forward, partial(layer_norm, size, eps=config.layer_norm_eps)


def layer_settings(config: SpeechConfig) -> dict[str, Any]:
    """Return where a layer's norms are, and its dropout."""
    return {"norm_first": config.do_stable_layer_norm, "dropout": config.hidden_dropout}


class LanguageAdapter(nn.Module):
    """A narrow feed-forward part, of which a checkpoint has one for each language (MMS)."""

    def __init__(self, size: int, inner: int) -> None:
        super().__init__()
        self.norm = layer_norm(size)
        self.down_proj = layers.linear(size, inner)
        self.up_proj = layers.linear(inner, size)

    def forward(self, states: Tensor) -> Tensor:
        narrow = layers.project(self.down_proj, self.norm(states))
        return layers.project(self.up_proj, F.relu(narrow))


class AdaptedLayer(layers.TransformerLayer):
    """A layer with a language's adapter behind it."""

    def __init__(self, adapter: LanguageAdapter, *parts: Any, **settings: Any) -> None:
        super().__init__(*parts, **settings)
        self.adapter = adapter

    def forward(
        self, hidden_states: Tensor, inputs: layers.LayerInputs, **options: Any
    ) -> tuple[Tensor, tuple[Tensor | None, Tensor | None]]:
        states, weights = super().forward(hidden_states, inputs, **options)
        return states + self.adapter(states), weights


class ConvAdapter(layers.LayerStack):
    """Gated convolutions that shorten a sequence of frames, as speech translation wants it."""

    def __init__(self, config: AdaptableConfig) -> None:
        super().__init__()
        size, out = config.hidden_size, config.output_hidden_size or config.hidden_size
        self.kernel, self.stride = config.adapter_kernel_size, config.adapter_stride
        self.layerdrop = config.layerdrop
        self.proj = layers.linear(size, out) if out != size else None
        self.proj_layer_norm = layer_norm(out) if out != size else None
        self.layers = nn.ModuleList(
            GatedConv(out, self.kernel, self.stride) for _ in range(config.num_adapter_layers)
        )

    def forward(self, states: Tensor) -> Tensor:
        """Return ``(batch, fewer frames, output_hidden_size)``."""
        if self.proj is not None and self.proj_layer_norm is not None:
            states = self.proj_layer_norm(layers.project(self.proj, states))
        states = states.transpose(1, 2)
        for layer in self.layers:
            if not self.training or torch.rand([]) >= self.layerdrop:
                states = self.run(layer, states)
        return states.transpose(1, 2)

    def frames(self, frames: Any) -> Any:
        """Return how many frames so many become."""
        for _ in self.layers:
            frames = (frames + 2 - self.kernel) // self.stride + 1
        return frames


class GatedConv(nn.Module):
    """A strided convolution whose one half gates the other."""

    def __init__(self, size: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.conv = family.KaimingConv1d(size, 2 * size, kernel, stride=stride, padding=1)

    def forward(self, states: Tensor) -> Tensor:
        return F.glu(self.conv(states), dim=1)
