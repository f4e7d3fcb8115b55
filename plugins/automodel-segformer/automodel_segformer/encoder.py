"""The Mix Transformer: stages of pre-norm layers, each on a smaller map than the one before.

States are ``(batch, rows, columns, size)`` within a stage, and maps ``(batch, size, rows,
columns)`` between stages.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core import layers, modeling
from automodel_core.checkpoint import WeightNames
from automodel_core.errors import InputError
from automodel_core.layers import layer_norm
from automodel_segformer.configuration import MixTransformerConfig
from automodel_segformer.weights import mix_transformer_names

if TYPE_CHECKING:
    from typing_extensions import Unpack


class OverlappingPatches(nn.Module):
    """Patches that reach into their neighbours, each as one vector."""

    def __init__(self, channels: int, size: int, patch: int, stride: int) -> None:
        super().__init__()
        self.projection = nn.Conv2d(channels, size, patch, stride, padding=patch // 2)
        self.norm = layer_norm(size)

    def forward(self, maps: Tensor) -> Tensor:
        """Return states for ``(batch, channels, height, width)``."""
        projected: Tensor = self.projection(maps.to(self.projection.weight.dtype))
        states: Tensor = self.norm(projected.permute(0, 2, 3, 1))
        return states

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Return how many patches there are below and beside each other."""
        (patch, _), (stride, _) = self.projection.kernel_size, self.projection.stride
        margin = 2 * (patch // 2) - patch
        return (height + margin) // stride + 1, (width + margin) // stride + 1


class ReducedAttention(layers.Attention):
    """Attention whose keys and values are made from a map ``ratio`` times smaller.

    See https://arxiv.org/abs/2102.12122.
    """

    def __init__(
        self, size: int, num_heads: int, ratio: int, *, dropout: float, drop_path: float
    ) -> None:
        super().__init__(layers.equal_heads(size, num_heads), dropout=dropout)
        self.reduction = nn.Conv2d(size, size, ratio, ratio) if ratio > 1 else None
        self.reduction_norm = layer_norm(size) if ratio > 1 else None
        self.p = drop_path

    def forward(
        self,
        hidden_states: Tensor,
        mask: layers.Mask = None,
        *,
        output_attentions: bool = False,
        **unused: Any,
    ) -> tuple[Tensor, Tensor | None]:
        rows, columns = hidden_states.shape[1:3]
        states = hidden_states.flatten(1, 2)
        if self.reduction is None or self.reduction_norm is None:
            attended, weights = super().forward(states, output_attentions=output_attentions)
        else:
            reduced = self.reduction(hidden_states.permute(0, 3, 1, 2)).flatten(2).transpose(1, 2)
            context = self.reduction_norm(reduced)
            attended, weights = self.over(states, context, output_attentions=output_attentions)
        attended = layers.drop_path(attended, self.p, self.training)
        return attended.unflatten(1, (rows, columns)), weights


class MixFeedForward(layers.FeedForward):
    """A feed-forward part that sees the neighbours of each patch, and so where it lies."""

    tp_plan: ClassVar = {}

    def __init__(
        self, size: int, wide: int, *, activation: str, dropout: float, drop_path: float
    ) -> None:
        super().__init__(size, wide, activation=activation, dropout=dropout)
        self.mixing = nn.Conv2d(wide, wide, 3, padding=1, groups=wide)
        self.p = drop_path

    def forward(self, hidden_states: Tensor) -> Tensor:
        wide = layers.project(self.up_proj, hidden_states).permute(0, 3, 1, 2)
        wide = self.activation(self.mixing(wide)).permute(0, 2, 3, 1)
        wide = F.dropout(wide, self.dropout, self.training)
        narrow = layers.project(self.down_proj, wide)
        return layers.drop_path(narrow, self.p, self.training)


def mix_layer(
    config: MixTransformerConfig, stage: int, drop_path: float
) -> layers.TransformerLayer:
    """Return one layer of a stage, which normalises what enters each part."""
    size = config.hidden_sizes[stage]
    return layers.TransformerLayer(
        ReducedAttention(
            size,
            config.num_attention_heads[stage],
            config.sr_ratios[stage],
            dropout=config.attention_probs_dropout_prob,
            drop_path=drop_path,
        ),
        MixFeedForward(
            size,
            int(size * config.mlp_ratios[stage]),
            activation=config.hidden_act,
            dropout=config.hidden_dropout_prob,
            drop_path=drop_path,
        ),
        partial(layer_norm, size),
        norm_first=True,
        dropout=config.hidden_dropout_prob,
    )


class MixStage(layers.LayerStack):
    """Patches of the map before, layers, and a norm."""

    def __init__(self, config: MixTransformerConfig, stage: int, drop_paths: list[float]) -> None:
        super().__init__()
        size = config.hidden_sizes[stage]
        channels = config.hidden_sizes[stage - 1] if stage else config.num_channels
        self.patches = OverlappingPatches(
            channels, size, config.patch_sizes[stage], config.strides[stage]
        )
        self.layers = nn.ModuleList(mix_layer(config, stage, rate) for rate in drop_paths)
        self.norm = layer_norm(size)

    def forward(self, maps: Tensor, output_attentions: bool) -> tuple[Tensor, list[Any]]:
        """Return the map of this stage, and the weights of each layer if asked for."""
        states, seen = self.patches(maps), []
        for layer in self.layers:
            states, (weights, _) = self.run(
                layer, states, layers.LayerInputs(), output_attentions=output_attentions
            )
            seen.append(weights)
        maps = self.norm(states).permute(0, 3, 1, 2).contiguous()
        return maps, seen


class MixTransformerPreTrainedModel(modeling.PreTrainedModel):
    """What models on this encoder share: the names of weights."""

    config: MixTransformerConfig
    main_input_name = "pixel_values"
    input_embeddings = "stages.0.patches"

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return mix_transformer_names(cls.base_model_prefix, cls.body)


class MixTransformer(MixTransformerPreTrainedModel):
    """The encoder: a map from each stage, of which the last is what leaves it."""

    def __init__(self, config: MixTransformerConfig) -> None:
        super().__init__(config)
        rates = layers.drop_path_rates(config.drop_path_rate, sum(config.depths))
        self.stages = nn.ModuleList()
        for stage, depth in enumerate(config.depths):
            self.stages.append(MixStage(config, stage, rates[:depth]))
            rates = rates[depth:]
        self.post_init()

    @modeling.model_call
    def forward(
        self,
        pixel_values: Tensor | None = None,
        interpolate_pos_encoding: bool | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> modeling.BaseModelOutput:
        """Run images ``(batch, channels, height, width)`` of any size through the stages.

        ``hidden_states`` are the stages' maps ``(batch, size, rows, columns)``, and ``attentions``
        the weights of all layers. There are no learned positions, and nothing for
        ``interpolate_pos_encoding`` to do.
        """
        channels = self.config.num_channels
        if pixel_values is None or pixel_values.dim() != 4 or pixel_values.shape[1] != channels:
            found = None if pixel_values is None else tuple(pixel_values.shape)
            raise InputError(
                f"pixel_values must be (batch, {channels}, height, width), got {found}"
            )
        weights: list[Any] = []
        maps = [pixel_values]
        for stage in self.stages:
            found, seen = stage(maps[-1], bool(options.get("output_attentions")))
            maps.append(found)
            weights += seen
        shown = [*maps[1:-1], self.last_states(maps[-1])]
        return modeling.BaseModelOutput(
            last_hidden_state=shown[-1],
            hidden_states=tuple(shown) if options.get("output_hidden_states") else None,
            attentions=tuple(weights) if options.get("output_attentions") else None,
        )

    def last_states(self, last_map: Tensor) -> Tensor:
        """Return the map of the last stage as users see it."""
        return last_map
