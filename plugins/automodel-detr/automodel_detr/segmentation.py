"""DETR's masks: each query's attention to the map, drawn finer by the maps of earlier stages."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import automodel_core.families.detr as family
from automodel_core import layers, modeling
from automodel_core.checkpoint import WeightNames
from automodel_core.errors import ConfigurationError
from automodel_detr.configuration import DetrConfig
from automodel_detr.modeling import (
    DetrForObjectDetection,
    DetrPreTrainedModel,
)
from automodel_detr.weights import segmentation_names

if TYPE_CHECKING:
    from typing_extensions import Unpack

GROUPS = 8


@dataclass
class DetrSegmentationOutput(modeling.ModelOutput):
    """Classes and boxes of queries, and masks ``(batch, queries, rows, columns)``.

    Masks are logits, of a quarter of the image's edges.
    """

    loss: Tensor | None = None
    loss_dict: dict[str, Tensor] | None = None
    logits: Tensor = modeling.FILLED
    pred_boxes: Tensor = modeling.FILLED
    pred_masks: Tensor = modeling.FILLED
    auxiliary_outputs: list[dict[str, Tensor]] | None = None
    last_hidden_state: Tensor | None = None
    decoder_hidden_states: tuple[Tensor, ...] | None = None
    decoder_attentions: tuple[Tensor, ...] | None = None
    cross_attentions: tuple[Tensor, ...] | None = None
    encoder_last_hidden_state: Tensor | None = None
    encoder_hidden_states: tuple[Tensor, ...] | None = None
    encoder_attentions: tuple[Tensor, ...] | None = None


class MaskAttention(nn.Module):
    """How much each head of each query looks at each place."""

    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.scale = (size // heads) ** -0.5
        self.q_proj = layers.linear(size, size)
        self.k_proj = layers.linear(size, size)

    def forward(self, queries: Tensor, places: Tensor, shown: Tensor) -> Tensor:
        """Return ``(batch, queries, heads, rows, columns)``, for a mask of the last two.

        The weights of all heads of a query sum to one.
        """
        query = layers.project(self.q_proj, queries).unflatten(-1, (self.heads, -1))
        key = layers.project(self.k_proj, places).unflatten(-1, (self.heads, -1))
        scores = torch.einsum("bqhc,bphc->bqhp", query * self.scale, key)
        hidden = ~shown.flatten(1)[:, None, None]
        scores = scores.masked_fill(hidden, torch.finfo(scores.dtype).min)
        weights = scores.flatten(2).softmax(dim=-1)
        return weights.view(*scores.shape[:3], *shown.shape[-2:])


class MaskHead(nn.Module):
    """Convolutions that draw the mask of each query."""

    def __init__(self, size: int, heads: int, channels: list[int], activation: str) -> None:
        super().__init__()
        self.activation = layers.activation(activation)
        joined = size + heads
        if joined % GROUPS:
            raise ConfigurationError(
                f"d_model={size} and encoder_attention_heads={heads} sum to {joined}, which is not "
                f"a multiple of {GROUPS}, as the norms of masks need"
            )
        sizes = [joined, joined, size // 2, size // 4, size // 8, size // 16]
        steps = list(itertools.pairwise(sizes))
        self.convs = nn.ModuleList(nn.Conv2d(*step, 3, padding=1) for step in steps)
        self.norms = nn.ModuleList(nn.GroupNorm(min(GROUPS, after), after) for _, after in steps)
        self.adapters = nn.ModuleList(
            nn.Conv2d(wide, narrow, 1) for narrow, wide in zip(sizes[2:5], channels, strict=True)
        )
        self.last = nn.Conv2d(sizes[-1], 1, 3, padding=1)

    def forward(self, projected: Tensor, weights: Tensor, maps: list[Tensor]) -> Tensor:
        """Return ``(batch, queries, rows, columns)`` of the last of three ``maps``.

        ``projected`` is the map ``(batch, size, rows, columns)``, ``weights`` are those of
        `MaskAttention`.
        """
        batch, queries = weights.shape[:2]
        masks = self.activation(self.norms[0](self._first(projected, weights)))
        masks = self.activation(self.norms[1](self.convs[1](masks)))
        finer = zip(self.adapters, maps, self.convs[2:], self.norms[2:], strict=True)
        for adapter, seen, conv, norm in finer:
            added = adapter(seen).repeat_interleave(queries, dim=0)
            masks = added + F.interpolate(masks, size=added.shape[-2:], mode="nearest")
            masks = self.activation(norm(conv(masks)))
        found: Tensor = self.last(masks)
        return found.view(batch, queries, *found.shape[-2:])

    def _first(self, projected: Tensor, weights: Tensor) -> Tensor:
        """Return the first convolution, whose sums over the map are the same for all queries."""
        first: Any = self.convs[0]
        size, queries = projected.shape[1], weights.shape[1]
        shared = F.conv2d(projected, first.weight[:, :size], first.bias, padding=1)
        own = F.conv2d(weights.flatten(0, 1), first.weight[:, size:], padding=1)
        return own + shared.repeat_interleave(queries, dim=0)


class DetrForSegmentation(DetrPreTrainedModel):
    """Boxes and masks of objects and of background, and their classes."""

    base_model_prefix = "detr.model"
    body = "detr.model"
    input_embeddings = "detr.model.input_projection"

    def __init__(self, config: DetrConfig) -> None:
        super().__init__(config)
        self.detr = DetrForObjectDetection(config)
        channels = self.detr.model.backbone.channels
        if len(channels) < 4:
            raise ConfigurationError(
                "masks are drawn by the maps of four stages: out_features of the backbone_config "
                f"name {len(channels)}"
            )
        heads = config.encoder_attention_heads
        self.mask_head = MaskHead(
            config.d_model, heads, channels[-2:-5:-1], config.activation_function
        )
        self.bbox_attention = MaskAttention(config.d_model, heads)
        self.post_init()

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return segmentation_names(config)

    @torch.no_grad()
    def init_module(self, module: nn.Module) -> None:
        super().init_module(module)
        if isinstance(module, MaskHead):
            for part in module.modules():
                if isinstance(part, nn.Conv2d):
                    nn.init.kaiming_uniform_(part.weight, a=1)
        elif isinstance(module, MaskAttention):
            for part in (module.q_proj, module.k_proj):
                nn.init.xavier_uniform_(part.weight, gain=self.config.init_xavier_std)

    @modeling.model_call
    def forward(
        self,
        pixel_values: Tensor | None = None,
        pixel_mask: Tensor | None = None,
        decoder_attention_mask: Tensor | None = None,
        encoder_outputs: Any = None,
        decoder_inputs_embeds: Tensor | None = None,
        labels: family.Targets | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> DetrSegmentationOutput:
        """Find objects in images ``(batch, channels, height, width)``, and draw them.

        ``labels`` have, for each image, ``class_labels``, ``boxes`` and ``masks``
        ``(objects, height, width)``.
        """
        model = self.detr.model
        seen = model.see(pixel_values, pixel_mask)
        body = model.decode(
            seen, decoder_attention_mask, encoder_outputs, decoder_inputs_embeds, **options
        )
        states, places = body.last_hidden_state, body.encoder_last_hidden_state
        weights = self.bbox_attention(states, places, seen.shown)
        maps = list(seen.maps[-2:-5:-1])
        masks = self.mask_head(seen.projected, weights, maps)
        predicted = self.detr.predict(states)
        output = DetrSegmentationOutput.of(body, **predicted, pred_masks=masks)
        if labels is not None:
            self.detr.losses(output, body, labels)
        return output
