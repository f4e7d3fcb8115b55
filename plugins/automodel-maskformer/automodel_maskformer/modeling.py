"""MaskFormer: queries that each say a class and, pixel by pixel, where it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

import automodel_core.families.detr as family
from automodel_core import layers, modeling
from automodel_core.checkpoint import WeightNames
from automodel_core.errors import ConfigurationError, InputError
from automodel_maskformer.configuration import MaskFormerConfig
from automodel_maskformer.losses import targets_of, whole_masks
from automodel_maskformer.outputs import (
    MaskFormerForInstanceSegmentationOutput,
    MaskFormerModelOutput,
    Predictions,
)
from automodel_maskformer.pixel_decoder import GroupNormedConv, PixelDecoder
from automodel_maskformer.weights import maskformer_names

if TYPE_CHECKING:
    from typing_extensions import Unpack

STATES = (
    "encoder_hidden_states",
    "pixel_decoder_hidden_states",
    "transformer_decoder_hidden_states",
    "hidden_states",
)


class MaskFormerPreTrainedModel(modeling.PreTrainedModel):
    """What both models share: names of weights, and first values."""

    config_class = MaskFormerConfig
    config: MaskFormerConfig
    base_model_prefix = "model"
    main_input_name = "pixel_values"
    input_embeddings = "query_embeddings"

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return maskformer_names(config, cls.body)

    @torch.no_grad()
    def init_module(self, module: nn.Module) -> None:
        drawn: list[Any] = []
        if isinstance(module, GroupNormedConv):
            drawn = [module.conv]
        elif isinstance(module, family.PredictionHead):
            drawn = [*module.layers]
        elif isinstance(module, MaskFormerModel) and module.input_projection is not None:
            drawn = [module.input_projection]
        else:
            modeling.init_normal(module, self.config.init_std)
        for layer in drawn:
            nn.init.xavier_uniform_(layer.weight, gain=self.config.init_xavier_std)


class MaskFormerModel(MaskFormerPreTrainedModel):
    """The body: a backbone, a decoder of its pixels, and one of queries that look at its map."""

    def __init__(self, config: MaskFormerConfig) -> None:
        super().__init__(config)
        self.backbone = modeling.load_backbone(config)
        channels: list[int] = self.backbone.channels
        decoder: Any = config.decoder_config
        if len(channels) < 2:
            raise ConfigurationError(
                "masks are drawn by the maps of several stages: out_features of the "
                f"backbone_config name {len(channels)}"
            )
        self.pixel_decoder = PixelDecoder(
            channels, config.fpn_feature_size, config.mask_feature_size
        )
        size, heads = decoder.d_model, decoder.decoder_attention_heads
        self.position_embedding = family.SinePlanePositions(size)
        self.query_embeddings = layers.embedding(decoder.num_queries, size)
        self.input_projection = (
            nn.Conv2d(channels[-1], size, kernel_size=1) if channels[-1] != size else None
        )
        self.decoder = family.QueryDecoder(
            [
                family.placed_layer(decoder, heads, decoder.decoder_ffn_dim, crosses=True)
                for _ in range(decoder.decoder_layers)
            ],
            layers.layer_norm(size, eps=1e-5),
            decoder.auxiliary_loss,
            decoder.decoder_layerdrop,
        )
        self.post_init()

    @modeling.model_call
    def forward(
        self,
        pixel_values: Tensor | None = None,
        pixel_mask: Tensor | None = None,
        decoder_inputs_embeds: Tensor | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> MaskFormerModelOutput:
        """Run images ``(batch, channels, height, width)`` through the model.

        The model was trained without ``pixel_mask``, which changes nothing.
        ``decoder_inputs_embeds`` ``(batch, queries, size)`` are the first states of queries, by
        default zeros.
        """
        if pixel_values is None:
            raise InputError("give pixel_values")
        maps = self.backbone(pixel_values).feature_maps
        pixels, finer = self.pixel_decoder(maps)
        seen = maps[-1] if self.input_projection is None else self.input_projection(maps[-1])
        positions = self.position_embedding(torch.ones_like(seen[:, 0]), seen.dtype)
        queries = self.query_embeddings.weight.expand(seen.shape[0], -1, -1)
        if decoder_inputs_embeds is None:
            decoder_inputs_embeds = torch.zeros_like(queries)
        decoded = self.decoder(
            decoder_inputs_embeds.to(seen.dtype),
            queries,
            None,
            seen.flatten(2).transpose(1, 2),
            positions.flatten(2).transpose(1, 2),
            None,
            **modeling.wanted_states(options),
        )
        states = decoded.hidden_states
        return MaskFormerModelOutput(
            encoder_last_hidden_state=maps[-1],
            pixel_decoder_last_hidden_state=pixels,
            transformer_decoder_last_hidden_state=decoded.last_hidden_state,
            encoder_hidden_states=None if states is None else tuple(maps),
            pixel_decoder_hidden_states=None if states is None else tuple(finer),
            transformer_decoder_hidden_states=states,
            hidden_states=None if states is None else (*maps, *finer, *states),
            attentions=decoded.attentions,
        )


class MaskFormerForInstanceSegmentation(MaskFormerPreTrainedModel):
    """Masks of objects and of background, and their classes."""

    body = "model"
    input_embeddings = "model.query_embeddings"
    class_weights: Tensor
    """What files hold of the loss, which reads the configuration."""

    def __init__(self, config: MaskFormerConfig) -> None:
        super().__init__(config)
        self.model = MaskFormerModel(config)
        size = self.model.query_embeddings.embedding_dim
        self.class_predictor = layers.linear(size, config.num_labels + 1)
        self.mask_embedder = family.PredictionHead(size, config.mask_feature_size)
        weights = torch.ones(config.num_labels + 1, device="cpu")
        weights[-1] = config.no_object_weight
        self.register_buffer("class_weights", weights)
        self.post_init()

    def predict(self, states: Tensor, pixels: Tensor) -> Predictions:
        """Return what queries ``(batch, queries, size)`` say of pixels."""
        return {
            "masks_queries_logits": torch.einsum(
                "bqc,bchw->bqhw", self.mask_embedder(states), pixels
            ),
            "class_queries_logits": layers.project(self.class_predictor, states),
        }

    @modeling.model_call
    def forward(
        self,
        pixel_values: Tensor | None = None,
        mask_labels: Sequence[Tensor] | None = None,
        class_labels: Sequence[Tensor] | None = None,
        pixel_mask: Tensor | None = None,
        output_auxiliary_logits: bool | None = None,
        decoder_inputs_embeds: Tensor | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> MaskFormerForInstanceSegmentationOutput:
        """Find the segments of images ``(batch, channels, height, width)``.

        ``mask_labels`` are, for each image, ``(objects, height, width)``, and ``class_labels``
        ``(objects,)``. With ``use_auxiliary_loss`` the states before each layer learn too;
        ``output_auxiliary_logits`` shows what they say.
        """
        config, wants_states = self.config, options.get("output_hidden_states")
        options["output_hidden_states"] = wants_states or config.use_auxiliary_loss
        body = self.model(pixel_values, pixel_mask, decoder_inputs_embeds, **options)
        pixels = body.pixel_decoder_last_hidden_state
        predicted = self.predict(body.transformer_decoder_last_hidden_state, pixels)
        states = body.transformer_decoder_hidden_states if config.use_auxiliary_loss else None
        earlier = [self.predict(each, pixels) for each in (states or ())[:-1]]
        loss = None
        if mask_labels is not None and class_labels is not None:
            targets = targets_of(mask_labels, class_labels, predicted["masks_queries_logits"])
            loss = whole_masks(config).loss([predicted, *earlier], targets)
        if output_auxiliary_logits is None:
            output_auxiliary_logits = config.output_auxiliary_logits
        if not wants_states:
            body.update(dict.fromkeys(STATES))
        return MaskFormerForInstanceSegmentationOutput.of(
            body,
            loss=loss,
            **predicted,
            auxiliary_logits=earlier if output_auxiliary_logits else None,
        )
