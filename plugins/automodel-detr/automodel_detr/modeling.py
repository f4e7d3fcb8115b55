"""DETR: queries that look for objects in an image, and a decoder that turns them into boxes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import automodel_core.families.detr as family
from automodel_core import layers, modeling
from automodel_core.checkpoint import WeightNames
from automodel_core.errors import InputError
from automodel_detr.configuration import DetrConfig, TableTransformerConfig
from automodel_detr.weights import OLD_POSITIONS, detr_names

if TYPE_CHECKING:
    from typing_extensions import Unpack


@dataclass
class DetrModelOutput(modeling.Seq2SeqModelOutput):
    """States of queries, and of the map that they look at."""

    intermediate_hidden_states: Tensor | None = None


@dataclass
class DetrObjectDetectionOutput(family.QueryDetectionOutput):
    """Classes and boxes of queries, and states of decoder and encoder."""

    decoder_hidden_states: tuple[Tensor, ...] | None = None
    decoder_attentions: tuple[Tensor, ...] | None = None
    cross_attentions: tuple[Tensor, ...] | None = None
    encoder_last_hidden_state: Tensor | None = None
    encoder_hidden_states: tuple[Tensor, ...] | None = None
    encoder_attentions: tuple[Tensor, ...] | None = None


class DetrPreTrainedModel(modeling.PreTrainedModel):
    """What all DETR models share: names of weights, first values, and the order of norms."""

    config_class = DetrConfig
    config: DetrConfig
    base_model_prefix = "model"
    main_input_name = "pixel_values"
    input_embeddings = "input_projection"
    norm_first: ClassVar[bool] = False

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return detr_names(config, cls.body)

    @torch.no_grad()
    def init_module(self, module: nn.Module) -> None:
        if isinstance(module, family.LearnedPlanePositions):
            for table in (module.row_embeddings, module.column_embeddings):
                nn.init.uniform_(table.weight)
        elif isinstance(module, nn.Linear | nn.Conv2d):
            module.weight.normal_(0.0, self.config.init_std)
            if module.bias is not None:
                module.bias.zero_()
        elif isinstance(module, nn.Embedding):
            module.weight.normal_(0.0, self.config.init_std)
        else:
            super().init_module(module)

    def make_layer(self, heads: int, width: int, crosses: bool) -> family.PlacedLayer:
        """Return a layer of the encoder or, with cross-attention, of the decoder."""
        return family.placed_layer(
            self.config, heads, width, crosses=crosses, norm_first=self.norm_first
        )


@dataclass
class SeenMap:
    """What the backbone sees of images, and what the decoder reads of it.

    ``maps`` are those of the backbone's stages, ``projected`` the last one with the model's
    features, ``shown`` ``(batch, rows, columns)`` is false where it is padded, ``positions`` are
    ``(batch, places, size)``.
    """

    maps: tuple[Tensor, ...]
    projected: Tensor
    shown: Tensor
    positions: Tensor

    @property
    def places(self) -> Tensor:
        return self.projected.flatten(2).transpose(1, 2)


class DetrModel(DetrPreTrainedModel):
    """The body: a backbone, an encoder of its last map, and a decoder of queries."""

    def __init__(self, config: DetrConfig) -> None:
        super().__init__(config)
        size = config.d_model
        self.backbone = modeling.load_backbone(config)
        layers.freeze_batch_norms(self.backbone)
        self.freeze_first_stage()
        self.input_projection = nn.Conv2d(self.backbone.channels[-1], size, kernel_size=1)
        self.position_embedding = (
            family.SinePlanePositions(size)
            if config.position_embedding_type == "sine"
            else family.LearnedPlanePositions(size)
        )
        self.query_position_embeddings = layers.embedding(config.num_queries, size)
        norm = partial(layers.layer_norm, size, eps=1e-5)
        heads, width = config.encoder_attention_heads, config.encoder_ffn_dim
        self.encoder = family.MapEncoder(
            layers.repeated(partial(self.make_layer, heads, width, False), config.encoder_layers),
            norm() if self.norm_first else None,
            config.dropout,
            config.encoder_layerdrop,
        )
        heads, width = config.decoder_attention_heads, config.decoder_ffn_dim
        self.decoder = family.QueryDecoder(
            layers.repeated(partial(self.make_layer, heads, width, True), config.decoder_layers),
            norm(),
            config.auxiliary_loss,
            config.decoder_layerdrop,
        )
        self.post_init()

    def freeze_first_stage(self) -> None:
        """Keep the stem and the first stage of a ResNet as they were pretrained."""
        if self.backbone.config.model_type == "resnet":
            for name, weight in self.backbone.named_parameters():
                if name.startswith(("stem.", "stages.0.")):
                    weight.requires_grad_(False)

    def freeze_backbone(self) -> None:
        """Keep the backbone as it is in training."""
        self.backbone.requires_grad_(False)

    def unfreeze_backbone(self) -> None:
        """Train the whole backbone."""
        self.backbone.requires_grad_(True)

    def see(self, pixel_values: Tensor | None, pixel_mask: Tensor | None) -> SeenMap:
        """Return the maps of images ``(batch, channels, height, width)``.

        ``pixel_mask`` ``(batch, height, width)`` is 1 where an image is, and 0 where it is padded.
        """
        if pixel_values is None:
            raise InputError("give pixel_values")
        if pixel_mask is None:
            pixel_mask = torch.ones_like(pixel_values[:, 0])
        elif not layers.in_trace() and pixel_mask.shape != pixel_values[:, 0].shape:
            raise InputError(
                f"pixel_mask has shape {tuple(pixel_mask.shape)}, expected "
                f"{tuple(pixel_values[:, 0].shape)}: one number for each pixel"
            )
        maps = self.backbone(pixel_values).feature_maps
        projected = self.input_projection(maps[-1])
        shown = F.interpolate(pixel_mask[None].float(), size=projected.shape[-2:])[0].bool()
        positions = self.position_embedding(shown, projected.dtype)
        return SeenMap(maps, projected, shown, positions.flatten(2).transpose(1, 2))

    def decode(
        self,
        seen: SeenMap,
        decoder_attention_mask: Tensor | None = None,
        encoder_outputs: Any = None,
        decoder_inputs_embeds: Tensor | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> DetrModelOutput:
        """Run the places of a map through the encoder, and queries through the decoder."""
        dtype, wanted = seen.projected.dtype, modeling.wanted_states(options)
        hidden = layers.padding_mask(seen.shown.flatten(1), dtype)
        if encoder_outputs is None:
            encoded = self.encoder(seen.places, seen.positions, hidden, **wanted)
        else:
            encoded = modeling.as_encoder_output(encoder_outputs)
        queries = self.query_position_embeddings.weight.expand(seen.projected.shape[0], -1, -1)
        states = torch.zeros_like(queries)
        if decoder_inputs_embeds is not None:
            states = decoder_inputs_embeds.to(dtype)
        decoded = self.decoder(
            states,
            queries,
            layers.padding_mask(decoder_attention_mask, dtype),
            encoded.last_hidden_state,
            seen.positions,
            hidden,
            **wanted,
        )
        return DetrModelOutput(
            last_hidden_state=decoded.last_hidden_state,
            decoder_hidden_states=decoded.hidden_states,
            decoder_attentions=decoded.attentions,
            cross_attentions=decoded.cross_attentions,
            encoder_last_hidden_state=encoded.last_hidden_state,
            encoder_hidden_states=encoded.hidden_states,
            encoder_attentions=encoded.attentions,
            intermediate_hidden_states=decoded.intermediate_hidden_states,
        )

    @modeling.model_call
    def forward(
        self,
        pixel_values: Tensor | None = None,
        pixel_mask: Tensor | None = None,
        decoder_attention_mask: Tensor | None = None,
        encoder_outputs: Any = None,
        decoder_inputs_embeds: Tensor | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> DetrModelOutput:
        """Run images ``(batch, channels, height, width)`` through the model.

        ``pixel_mask`` is 1 where an image is; ``decoder_attention_mask`` ``(batch, queries)`` hides
        queries; ``decoder_inputs_embeds`` ``(batch, queries, size)`` are their first states, by
        default zeros.
        """
        seen = self.see(pixel_values, pixel_mask)
        return self.decode(
            seen, decoder_attention_mask, encoder_outputs, decoder_inputs_embeds, **options
        )


class DetrForObjectDetection(DetrPreTrainedModel, family.QueryObjectDetection):
    """Boxes around objects, and their classes."""

    body = "model"
    input_embeddings = "model.input_projection"
    model_class: ClassVar[type[DetrModel]] = DetrModel

    def __init__(self, config: DetrConfig) -> None:
        super().__init__(config)
        self.model = self.model_class(config)
        self.class_labels_classifier = layers.linear(config.d_model, config.num_labels + 1)
        self.bbox_predictor = family.PredictionHead(config.d_model, 4)
        self.post_init()

    @property
    def loss_weights(self) -> dict[str, float]:
        masks = self.config.mask_loss_coefficient, self.config.dice_loss_coefficient
        return {**super().loss_weights, "loss_mask": masks[0], "loss_dice": masks[1]}

    def losses(self, output: Any, body: DetrModelOutput, labels: family.Targets) -> None:
        """Add the losses of predictions, those of all layers if the configuration says so."""
        layers = body.intermediate_hidden_states
        self.add_losses(output, labels, None if layers is None else list(layers[:-1]))

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
    ) -> DetrObjectDetectionOutput:
        """Find objects in images ``(batch, channels, height, width)``.

        ``labels`` have, for each image, ``class_labels`` ``(objects,)`` and ``boxes``
        ``(objects, 4)``, centres and sizes as shares of the image.
        """
        body = self.model(
            pixel_values,
            pixel_mask,
            decoder_attention_mask,
            encoder_outputs,
            decoder_inputs_embeds,
            **options,
        )
        output = DetrObjectDetectionOutput.of(body, **self.predict(body.last_hidden_state))
        if labels is not None:
            self.losses(output, body, labels)
        return output


class TableTransformerPreTrainedModel(DetrPreTrainedModel):
    """What all Table Transformers share."""

    config_class = TableTransformerConfig
    norm_first = True

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return detr_names(config, cls.body, OLD_POSITIONS)


class TableTransformerModel(TableTransformerPreTrainedModel, DetrModel):
    """The body: a backbone, an encoder of its last map, and a decoder of queries."""


class TableTransformerForObjectDetection(TableTransformerPreTrainedModel, DetrForObjectDetection):
    """Boxes around tables, their rows, columns and cells."""

    input_embeddings = "model.input_projection"

    model_class = TableTransformerModel
