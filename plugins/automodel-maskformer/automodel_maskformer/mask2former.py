"""Mask2Former: queries that each draw a mask, look where it is, and draw it better."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

import automodel_core.families.detr as family
from automodel_core import checkpoint, layers, modeling
from automodel_core.errors import ConfigurationError, InputError
from automodel_maskformer.configuration import LEVELS, Mask2FormerConfig
from automodel_maskformer.deformable_decoder import DeformablePixelDecoder
from automodel_maskformer.losses import sampled_masks, targets_of
from automodel_maskformer.masked_decoder import MaskedDecoder, MaskedLayer, masked_layer
from automodel_maskformer.outputs import (
    Mask2FormerForUniversalSegmentationOutput,
    Mask2FormerModelOutput,
    Predictions,
)
from automodel_maskformer.weights import mask2former_names

if TYPE_CHECKING:
    from typing_extensions import Unpack

STATES = (
    "encoder_hidden_states",
    "pixel_decoder_hidden_states",
    "transformer_decoder_hidden_states",
)


class Mask2FormerPreTrainedModel(modeling.PreTrainedModel):
    """What both models share: names of weights, and first values."""

    config_class = Mask2FormerConfig
    config: Mask2FormerConfig
    base_model_prefix = "model"
    main_input_name = "pixel_values"
    input_embeddings = "query_embeddings"

    @classmethod
    def weight_names(cls, config: Any) -> checkpoint.WeightNames:
        return mask2former_names(config, cls.body)

    @torch.no_grad()
    def init_module(self, module: nn.Module) -> None:
        gain = self.config.init_xavier_std
        if isinstance(module, layers.DeformableAttention):
            module.reset_parameters()
        elif isinstance(module, family.PredictionHead):
            for layer in module.modules():
                if isinstance(layer, nn.Linear):
                    layer.reset_parameters()
        elif isinstance(module, DeformablePixelDecoder):
            nn.init.normal_(module.level_embeddings)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight)
        elif isinstance(module, MaskedLayer):
            module.draw(gain)
        elif isinstance(module, Mask2FormerModel):
            for each in module.input_projections:
                if isinstance(each, nn.Conv2d):
                    nn.init.xavier_uniform_(each.weight, gain)
        else:
            modeling.init_normal(module, self.config.init_std)


class Mask2FormerModel(Mask2FormerPreTrainedModel):
    """The body: a backbone, a decoder of its pixels, and one of queries that look at its maps."""

    def __init__(self, config: Mask2FormerConfig) -> None:
        super().__init__(config)
        self.backbone = modeling.load_backbone(config)
        channels: list[int] = self.backbone.channels
        if len(channels) < max(LEVELS, config.pyramid_levels):
            raise ConfigurationError(
                f"masks are drawn by the maps of {max(LEVELS, config.pyramid_levels)} stages: "
                f"out_features of the backbone_config name {len(channels)}"
            )
        size = config.hidden_dim
        projects = config.feature_size != size or config.enforce_input_projection
        self.pixel_decoder = DeformablePixelDecoder(channels, config)
        self.position_embedding = family.SinePlanePositions(size)
        self.query_embeddings = layers.embedding(config.num_queries, size)
        self.query_features = layers.embedding(config.num_queries, size)
        self.level_embeddings = layers.embedding(LEVELS, size)
        self.input_projections = nn.ModuleList(
            nn.Conv2d(config.feature_size, size, kernel_size=1) if projects else nn.Identity()
            for _ in range(LEVELS)
        )
        self.decoder = MaskedDecoder(
            [masked_layer(config) for _ in range(config.decoder_layers - 1)],
            size,
            config.mask_feature_size,
        )
        self.post_init()

    @modeling.model_call
    def forward(
        self,
        pixel_values: Tensor | None = None,
        pixel_mask: Tensor | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> Mask2FormerModelOutput:
        """Run images ``(batch, channels, height, width)`` through the model.

        The model was trained without ``pixel_mask``, which changes nothing.
        """
        if pixel_values is None:
            raise InputError("give pixel_values")
        wanted = modeling.wanted_states(options)
        maps = self.backbone(pixel_values).feature_maps
        pixels, seen = self.pixel_decoder(maps)
        features, positions = self.query_features.weight, self.query_embeddings.weight
        context = [
            project(each) + level[:, None, None]
            for project, each, level in zip(
                self.input_projections, seen, self.level_embeddings.weight, strict=True
            )
        ]
        places = [
            self.position_embedding(torch.ones_like(each[:1, 0]), each.dtype) for each in context
        ]
        decoded = self.decoder(
            features.expand(pixels.shape[0], -1, -1),
            positions,
            context,
            places,
            pixels,
            output_attentions=wanted["output_attentions"],
        )
        shows, seen_by_query = wanted["output_hidden_states"], wanted["output_attentions"]
        return Mask2FormerModelOutput(
            encoder_last_hidden_state=maps[-1],
            pixel_decoder_last_hidden_state=pixels,
            transformer_decoder_last_hidden_state=decoded.states[-1],
            encoder_hidden_states=tuple(maps) if shows else None,
            pixel_decoder_hidden_states=tuple(seen) if shows else None,
            transformer_decoder_hidden_states=queries_first(decoded.states) if shows else None,
            transformer_decoder_intermediate_states=(
                queries_first(decoded.normed) if shows else None
            ),
            masks_queries_logits=tuple(decoded.masks),
            attentions=(tuple(decoded.attentions) or None) if seen_by_query else None,
        )


def queries_first(states: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Return states ``(queries, batch, size)``, as the original has them."""
    return tuple(each.transpose(0, 1) for each in states)


class Mask2FormerForUniversalSegmentation(Mask2FormerPreTrainedModel):
    """Masks of objects and of background, and their classes."""

    body = "model"
    input_embeddings = "model.query_embeddings"
    class_weights: Tensor
    """What files hold of the loss, which reads the configuration."""

    def __init__(self, config: Mask2FormerConfig) -> None:
        super().__init__(config)
        self.model = Mask2FormerModel(config)
        self.class_predictor = layers.linear(config.hidden_dim, config.num_labels + 1)
        weights = torch.ones(config.num_labels + 1, device="cpu")
        weights[-1] = config.no_object_weight
        self.register_buffer("class_weights", weights)
        self.post_init()

    def predict(self, states: Tensor, masks: Tensor) -> Predictions:
        """Return masks and the classes of the queries ``(queries, batch, size)`` that draw them."""
        logits = layers.project(self.class_predictor, states.transpose(0, 1))
        return {"masks_queries_logits": masks, "class_queries_logits": logits}

    @modeling.model_call
    def forward(
        self,
        pixel_values: Tensor | None = None,
        mask_labels: Sequence[Tensor] | None = None,
        class_labels: Sequence[Tensor] | None = None,
        pixel_mask: Tensor | None = None,
        output_auxiliary_logits: bool | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> Mask2FormerForUniversalSegmentationOutput:
        """Find the segments of images ``(batch, channels, height, width)``.

        ``mask_labels`` are, for each image, ``(objects, height, width)``, and ``class_labels``
        ``(objects,)``. With ``use_auxiliary_loss`` the states before each layer learn too;
        ``output_auxiliary_logits`` shows what they say. Masks are compared at places drawn anew
        with each call.
        """
        config, wants_states = self.config, options.get("output_hidden_states")
        if output_auxiliary_logits is None:
            output_auxiliary_logits = config.output_auxiliary_logits
        options["output_hidden_states"] = True
        body = self.model(pixel_values, pixel_mask, **options)
        states, masks = (
            body.transformer_decoder_intermediate_states or (),
            body.masks_queries_logits,
        )
        targets, loss = None, None
        if mask_labels is not None and class_labels is not None:
            targets = targets_of(mask_labels, class_labels, masks[-1])
        every_learns = config.use_auxiliary_loss and targets is not None
        first = 0 if every_learns or output_auxiliary_logits else len(states) - 1
        *earlier, predicted = [
            self.predict(*each) for each in zip(states[first:], masks[first:], strict=True)
        ]
        if targets is not None:
            learning = [predicted, *earlier] if every_learns else [predicted]
            loss = sampled_masks(config).loss(learning, targets)
        if not wants_states:
            body.update(dict.fromkeys(STATES))
        return Mask2FormerForUniversalSegmentationOutput.of(
            body,
            loss=loss,
            **predicted,
            auxiliary_logits=earlier if output_auxiliary_logits else None,
        )
