"""YOLOS: ViT over the patches of an image, and behind them tokens that become boxes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import automodel_core.families.detr as family
from automodel_core import layers, modeling
from automodel_core.checkpoint import WeightNames
from automodel_core.errors import InputError
from automodel_core.families.vit import vit_layer
from automodel_yolos.configuration import YolosConfig
from automodel_yolos.weights import yolos_names

if TYPE_CHECKING:
    from typing_extensions import Unpack


@dataclass
class YolosObjectDetectionOutput(family.QueryDetectionOutput):
    """Classes and boxes of tokens that look for objects; the states are those of all places."""

    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


@dataclass(frozen=True)
class Places:
    """What stands in a sequence: a token, a grid of patches, and tokens of objects."""

    grid: tuple[int, int]
    objects: int

    @classmethod
    def of(cls, config: YolosConfig) -> Places:
        grid = layers.patch_grid(config.image_size, config.patch_size)
        return cls(grid, config.num_detection_tokens)

    def __len__(self) -> int:
        return 1 + self.grid[0] * self.grid[1] + self.objects

    def resampled(self, positions: Tensor, grid: tuple[int, int]) -> Tensor:
        """Return positions ``(count, places, size)`` for an image of another grid."""
        seen, objects = positions.split([len(self) - self.objects, self.objects], dim=1)
        return torch.cat([layers.resampled_positions(seen, 1, self.grid, grid), objects], dim=1)


class YolosEmbeddings(nn.Module):
    """A learned token, the patches, and the tokens of objects, each with a learned position."""

    def __init__(self, config: YolosConfig) -> None:
        super().__init__()
        size, patch_size = config.hidden_size, layers.edges(config.patch_size)
        self.places = Places.of(config)
        self.dropout = config.hidden_dropout_prob
        self.patches = layers.PatchEmbedding(config.num_channels, size, patch_size)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, size))
        self.detection_tokens = nn.Parameter(torch.zeros(1, self.places.objects, size))
        self.position_embeddings = nn.Parameter(torch.zeros(1, len(self.places), size))

    def forward(self, pixel_values: Tensor, grid: tuple[int, int]) -> Tensor:
        """Return ``(batch, places, hidden_size)``."""
        patches = self.patches(pixel_values)
        batch = patches.shape[0]
        first, objects = (
            tokens.expand(batch, -1, -1) for tokens in (self.cls_token, self.detection_tokens)
        )
        positions = self.places.resampled(self.position_embeddings, grid)
        embedded = torch.cat([first, patches, objects], dim=1) + positions
        return F.dropout(embedded, self.dropout, self.training)


class YolosStack(layers.LayerStack):
    """Layers in turn; between each two, positions of their own are added if there are any."""

    def __init__(self, config: YolosConfig) -> None:
        super().__init__()
        count = config.num_hidden_layers
        self.places = Places.of(config)
        self.layers = nn.ModuleList(vit_layer(config) for _ in range(count))
        shape = (count - 1, 1, len(self.places), config.hidden_size)
        self.position_embeddings = (
            nn.Parameter(torch.zeros(shape)) if config.use_mid_position_embeddings else None
        )

    def forward(
        self,
        states: Tensor,
        grid: tuple[int, int],
        *,
        output_attentions: bool = False,
        output_hidden_states: bool = False,
    ) -> modeling.BaseModelOutput:
        """Run places ``(batch, places, hidden_size)`` through the layers.

        Hidden states are what enters the first layer, and what leaves each, without the positions
        that are added behind it.
        """
        added: list[Tensor] = []
        if self.position_embeddings is not None:
            added = list(self.places.resampled(self.position_embeddings.squeeze(1), grid))
        seen, attentions = [states], []
        for number, layer in enumerate(self.layers):
            if number and added:
                states = states + added[number - 1]
            states, (weights, _) = self.run(
                layer, states, layers.LayerInputs(), output_attentions=output_attentions
            )
            seen.append(states)
            attentions.append(weights)
        return modeling.BaseModelOutput(
            last_hidden_state=states,
            hidden_states=tuple(seen) if output_hidden_states else None,
            attentions=tuple(attentions) if output_attentions else None,
        )


class YolosPreTrainedModel(modeling.PreTrainedModel):
    """What all YOLOS models share: names of weights. Tokens and positions begin as zeros."""

    config_class = YolosConfig
    config: YolosConfig
    base_model_prefix: ClassVar[str] = "vit"
    main_input_name = "pixel_values"
    input_embeddings = "embed.patches"
    optional_weights = ("pooler",)

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return yolos_names(cls.body)


class YolosModel(YolosPreTrainedModel):
    """The body: embeddings, layers, a norm, and a pooler unless ``add_pooling_layer`` is false."""

    def __init__(self, config: YolosConfig, add_pooling_layer: bool = True) -> None:
        super().__init__(config)
        size = config.hidden_size
        self.embed = YolosEmbeddings(config)
        self.stack = YolosStack(config)
        self.norm = layers.layer_norm(size, eps=config.layer_norm_eps)
        self.pooler = modeling.Pooler(size) if add_pooling_layer else None
        self.post_init()

    @modeling.model_call
    def forward(
        self,
        pixel_values: Tensor | None = None,
        pixel_mask: Tensor | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> modeling.BaseModelOutput:
        """Run images ``(batch, channels, height, width)`` of any size through the layers.

        ``pixel_mask``, which the image processor returns, changes nothing: YOLOS was trained to see
        the padding. The hidden states are those before the last norm.
        """
        if pixel_values is None:
            raise InputError("give pixel_values")
        height, width = pixel_values.shape[-2:]
        grid = layers.patch_grid((height, width), self.config.patch_size)
        output = self.stack(self.embed(pixel_values, grid), grid, **modeling.wanted_states(options))
        states = self.norm(output.last_hidden_state)
        return modeling.BaseModelOutput(
            last_hidden_state=states,
            pooler_output=None if self.pooler is None else self.pooler(states),
            hidden_states=output.hidden_states,
            attentions=output.attentions,
        )


class YolosForObjectDetection(YolosPreTrainedModel, family.QueryObjectDetection):
    """Boxes around objects, and their classes."""

    body = "model"
    input_embeddings = "model.embed.patches"

    def __init__(self, config: YolosConfig) -> None:
        super().__init__(config)
        size = config.hidden_size
        self.model = YolosModel(config, add_pooling_layer=False)
        self.class_labels_classifier = family.PredictionHead(size, config.num_labels + 1)
        self.bbox_predictor = family.PredictionHead(size, 4)
        self.post_init()

    @modeling.model_call
    def forward(
        self,
        pixel_values: Tensor | None = None,
        labels: family.Targets | None = None,
        pixel_mask: Tensor | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> YolosObjectDetectionOutput:
        """Find objects in images ``(batch, channels, height, width)`` of any size.

        ``labels`` have, for each image, ``class_labels`` ``(objects,)`` and ``boxes``
        ``(objects, 4)``, centres and sizes as shares of the image. ``pixel_mask`` changes nothing.
        """
        shown = options.get("output_hidden_states")
        if labels is not None and self.config.auxiliary_loss:
            options["output_hidden_states"] = True
        body = self.model(pixel_values, **options)
        found = self.predict(self.of_objects(body.last_hidden_state))
        output = YolosObjectDetectionOutput.of(body, **found)
        if labels is not None:
            earlier = (body.hidden_states or ())[1:-1]
            normalised = (self.of_objects(self.model.norm(states)) for states in earlier)
            self.add_losses(output, labels, normalised)
        if not shown:
            output.hidden_states = None
        return output

    def of_objects(self, states: Tensor) -> Tensor:
        """Return the states of the tokens that look for objects, which are the last ones."""
        return states[:, -self.config.num_detection_tokens :]
