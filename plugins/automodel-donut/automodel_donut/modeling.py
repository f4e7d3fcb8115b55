"""Donut's encoder: pre-norm layers within windows of patches, which merge from stage to stage."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core import layers, modeling
from automodel_core.checkpoint import WeightNames
from automodel_core.errors import InputError
from automodel_core.layers import layer_norm
from automodel_donut.configuration import DonutSwinConfig
from automodel_donut.weights import donut_names

if TYPE_CHECKING:
    from typing_extensions import Unpack


@dataclass
class DonutSwinModelOutput(modeling.BaseModelOutput):
    """States of the last stage's patches, and their mean as ``pooler_output``.

    ``hidden_states`` are those of the embeddings and of each stage, merged already;
    ``reshaped_hidden_states`` the same as ``(batch, size, rows, columns)``; ``attentions`` those
    of each stage's last layer, ``(batch * windows, heads, patches, patches)``.
    """

    reshaped_hidden_states: tuple[Tensor, ...] | None = None


@dataclass
class DonutSwinImageClassifierOutput(modeling.ImageClassifierOutput):
    """Scores ``(batch, labels)``, and states as in `DonutSwinModelOutput`."""

    reshaped_hidden_states: tuple[Tensor, ...] | None = None


class DonutSwinLayer(nn.Module):
    """Attention within windows, which every other layer shifts, and a feed-forward part."""

    def __init__(self, config: DonutSwinConfig, stage: int, shift: int, drop_path: float) -> None:
        super().__init__()
        size = config.embed_dim * 2**stage
        self.window, self.shift, self.p = config.window_size, shift, drop_path
        self.dropout, self.attention_dropout = (
            config.hidden_dropout_prob,
            config.attention_probs_dropout_prob,
        )
        heads = config.num_heads[stage]
        self.self_attn = layers.Attention(
            layers.equal_heads(size, heads, bias=config.qkv_bias, out_bias=True),
            dropout=config.attention_probs_dropout_prob,
            position_scores=layers.WindowPositions(config.window_size, heads),
        )
        self.self_attn_norm = layer_norm(size, eps=config.layer_norm_eps)
        self.mlp = layers.FeedForward(
            size, int(config.mlp_ratio * size), activation=config.hidden_act
        )
        self.mlp_norm = layer_norm(size, eps=config.layer_norm_eps)

    def forward(self, states: Tensor, output_attentions: bool) -> tuple[Tensor, Tensor | None]:
        """Return states ``(batch, rows, columns, size)`` and, on request, the weights."""
        height, width = states.shape[1:3]
        window = min(self.window, height, width)
        # A window that holds all there is in one direction is not shifted.
        shift = 0 if min(height, width) <= self.window else self.shift
        normed = self.self_attn_norm(states)
        attended, weights = self.self_attn(
            layers.to_windows(normed, window, shift),
            layers.between_windows(normed, window, shift),
            output_attentions=output_attentions,
        )
        attended = F.dropout(attended, self.attention_dropout, self.training)
        attended = layers.from_windows(attended, window, shift, height, width)
        states = states + layers.drop_path(attended, self.p, self.training)
        fed = F.dropout(self.mlp(self.mlp_norm(states)), self.dropout, self.training)
        return states + fed, weights


class DonutSwinStage(nn.Module):
    """Layers of one size, then a merger of their patches, but for the last stage."""

    def __init__(self, config: DonutSwinConfig, stage: int, drop_paths: list[float]) -> None:
        super().__init__()
        shifts = (0, config.window_size // 2)
        self.layers = nn.ModuleList(
            DonutSwinLayer(config, stage, shifts[index % 2], drop_path)
            for index, drop_path in enumerate(drop_paths)
        )
        last = stage == len(config.depths) - 1
        self.downsample = None if last else layers.MergedPatches(config.embed_dim * 2**stage)

    def forward(self, states: Tensor, output_attentions: bool) -> tuple[Tensor, Tensor | None]:
        weights = None
        for layer in self.layers:
            states, weights = layer(states, output_attentions)
        return states if self.downsample is None else self.downsample(states), weights


class DonutSwinPreTrainedModel(modeling.PreTrainedModel):
    """What all models share: names of weights, and first values."""

    config_class = DonutSwinConfig
    config: DonutSwinConfig
    base_model_prefix: ClassVar[str] = "donut"
    main_input_name = "pixel_values"
    input_embeddings = "patches"

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return donut_names(cls.base_model_prefix, cls.body)

    @torch.no_grad()
    def init_module(self, module: nn.Module) -> None:
        super().init_module(module)
        if isinstance(module, layers.WindowPositions):
            module.table.zero_()


class DonutSwinStack(layers.LayerStack):
    """The stages in turn."""

    def __init__(self, config: DonutSwinConfig) -> None:
        super().__init__()
        rates = iter(layers.drop_path_rates(config.drop_path_rate, sum(config.depths)))
        self.stages = nn.ModuleList(
            DonutSwinStage(config, stage, list(islice(rates, depth)))
            for stage, depth in enumerate(config.depths)
        )

    def forward(self, states: Tensor, output_attentions: bool) -> tuple[list[Tensor], list[Any]]:
        """Return what enters and leaves the stages, and the weights of each one's last layer."""
        seen, weights = [states], []
        for stage in self.stages:
            states, attended = self.run(stage, states, output_attentions)
            seen.append(states)
            weights.append(attended)
        return seen, weights


class DonutSwinModel(DonutSwinPreTrainedModel):
    """The encoder, and the mean of its states unless ``add_pooling_layer`` is false."""

    def __init__(self, config: DonutSwinConfig, add_pooling_layer: bool = True) -> None:
        super().__init__(config)
        self.patches = layers.PatchEmbedding(
            config.num_channels, config.embed_dim, config.patch_size
        )
        self.embed_norm = layer_norm(config.embed_dim)
        self.stack = DonutSwinStack(config)
        self.add_pooling_layer = add_pooling_layer
        self.post_init()

    @modeling.model_call
    def forward(
        self,
        pixel_values: Tensor | None = None,
        interpolate_pos_encoding: bool | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> DonutSwinModelOutput:
        """Run images ``(batch, channels, height, width)`` of any size through the stages.

        Positions are relative, so that there is nothing for ``interpolate_pos_encoding`` to do.
        """
        if pixel_values is None:
            raise InputError("give pixel_values")
        wants_states = options.get("output_hidden_states")
        wants_weights = bool(options.get("output_attentions"))
        seen, weights = self.stack(self._embed(pixel_values), wants_weights)
        last = seen[-1].flatten(1, 2)
        return DonutSwinModelOutput(
            last_hidden_state=last,
            pooler_output=last.mean(dim=1) if self.add_pooling_layer else None,
            hidden_states=tuple(s.flatten(1, 2) for s in seen) if wants_states else None,
            attentions=tuple(weights) if wants_weights else None,
            reshaped_hidden_states=tuple(s.permute(0, 3, 1, 2) for s in seen)
            if wants_states
            else None,
        )

    def _embed(self, pixel_values: Tensor) -> Tensor:
        """Return ``(batch, rows, columns, size)``; zeros complete the last patches."""
        height, width = layers.edges(self.config.patch_size)
        below, beside = (-edge % patch for edge, patch in zip(
            pixel_values.shape[-2:], (height, width), strict=True
        ))  # fmt: skip
        pixel_values = F.pad(pixel_values, (0, beside, 0, below))
        rows, columns = pixel_values.shape[-2] // height, pixel_values.shape[-1] // width
        embedded: Tensor = self.embed_norm(self.patches(pixel_values))
        embedded = F.dropout(embedded, self.config.hidden_dropout_prob, self.training)
        states: Tensor = embedded.unflatten(1, (rows, columns))
        return states


class DonutSwinForImageClassification(
    DonutSwinPreTrainedModel, modeling.ImageModelForLabels[DonutSwinImageClassifierOutput]
):
    """A class for an image, by the mean of its states."""

    output = DonutSwinImageClassifierOutput
    input_embeddings = "model.patches"

    def __init__(self, config: DonutSwinConfig) -> None:
        super().__init__(config)
        self.model = DonutSwinModel(config)
        size, labels = config.hidden_size or 0, config.num_labels
        self.classifier = layers.linear(size, labels) if labels else nn.Identity()
        self.post_init()

    def classify(self, body: modeling.BaseModelOutput) -> Tensor:
        scores: Tensor = self.classifier(body.pooler_output)
        return scores
