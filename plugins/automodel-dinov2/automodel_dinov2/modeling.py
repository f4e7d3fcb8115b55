"""DINOv2: ViT's layers with scaled residuals, and positions for images of any size."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn

from automodel_core import layers, modeling
from automodel_core.checkpoint import WeightNames
from automodel_core.errors import InputError
from automodel_core.layers import layer_norm
from automodel_dinov2.configuration import Dinov2Config
from automodel_dinov2.weights import dinov2_names

if TYPE_CHECKING:
    from typing_extensions import Unpack


def dinov2_layer(config: Dinov2Config) -> layers.ScaledTransformerLayer:
    """Return one layer, which normalises what enters each part and scales what leaves it."""
    size, wide = config.hidden_size, config.hidden_size * config.mlp_ratio
    return layers.ScaledTransformerLayer(
        layers.Attention(
            layers.equal_heads(
                size, config.num_attention_heads, bias=config.qkv_bias, out_bias=True
            ),
            dropout=config.attention_probs_dropout_prob,
        ),
        layers.GatedFeedForward(size, -(-int(wide * 2 / 3) // 8) * 8, activation="silu")
        if config.use_swiglu_ffn
        else layers.FeedForward(size, wide, activation=config.hidden_act),
        partial(layer_norm, size, eps=config.layer_norm_eps),
        norm_first=True,
        size=size,
        drop_path=config.drop_path_rate,
    )


class Dinov2Embeddings(layers.PatchPositions):
    """A learned token, then the patches, each with a learned position."""

    def __init__(self, config: Dinov2Config) -> None:
        size, grid = config.hidden_size, layers.patch_grid(config.image_size, config.patch_size)
        super().__init__(size, grid, mode="bicubic", dropout=config.hidden_dropout_prob)
        self.patches = layers.PatchEmbedding(config.num_channels, size, config.patch_size)
        self.mask_token = nn.Parameter(torch.zeros(1, size)) if config.use_mask_token else None

    def forward(
        self, pixel_values: Tensor, bool_masked_pos: Tensor | None, grid: tuple[int, int]
    ) -> Tensor:
        """Return ``(batch, 1 + patches, hidden_size)``."""
        patches = self.patches(pixel_values)
        patches = modeling.hidden_patches(patches, bool_masked_pos, self.mask_token)
        return self.placed(patches, grid)


class Dinov2PreTrainedModel(modeling.PreTrainedModel):
    """What all DINOv2 models share: names of weights, and first values."""

    config_class = Dinov2Config
    config: Dinov2Config
    base_model_prefix: ClassVar[str] = "dinov2"
    main_input_name = "pixel_values"
    input_embeddings = "embed.patches"
    optional_weights = ("embed.mask_token",)

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return dinov2_names(cls.base_model_prefix, cls.body, config.use_swiglu_ffn)

    @torch.no_grad()
    def init_module(self, module: nn.Module) -> None:
        super().init_module(module)
        if isinstance(module, Dinov2Embeddings):
            for parameter in (module.cls_token, module.position_embeddings):
                parameter.normal_(0.0, self.config.initializer_range)
        elif isinstance(module, layers.ScaledTransformerLayer):
            for scale in (module.self_attn_scale, module.mlp_scale):
                scale.fill_(self.config.layerscale_value)


class Dinov2Layers(Dinov2PreTrainedModel):
    """The embeddings, the layers and a norm, which body and backbone use in their own ways."""

    embeddings_class: ClassVar[type[Dinov2Embeddings]] = Dinov2Embeddings

    def __init__(self, config: Dinov2Config) -> None:
        super().__init__(config)
        self.embed = self.embeddings_class(config)
        self.stack = layers.TransformerStack(
            layers.repeated(partial(dinov2_layer, config), config.num_hidden_layers)
        )
        self.norm = layer_norm(config.hidden_size, eps=config.layer_norm_eps)

    def grid_of(self, pixel_values: Tensor | None) -> tuple[int, int]:
        """Return how many patches of an image are below and beside each other."""
        if pixel_values is None:
            raise InputError("give pixel_values")
        height, width = pixel_values.shape[-2:]
        return layers.patch_grid((height, width), self.config.patch_size)

    def run(
        self, embedded: Tensor, attention_mask: Tensor | None, **wanted: Any
    ) -> layers.StackOutput:
        """Run the layers over ``(batch, 1 + patches, hidden_size)``; the norm comes after."""
        mask = layers.padding_mask(attention_mask, embedded.dtype)
        output: layers.StackOutput = self.stack(embedded, mask, **wanted)
        return output


class Dinov2Model(Dinov2Layers):
    """The body."""

    def __init__(self, config: Dinov2Config) -> None:
        super().__init__(config)
        self.post_init()

    @modeling.model_call
    def forward(
        self,
        pixel_values: Tensor | None = None,
        bool_masked_pos: Tensor | None = None,
        attention_mask: Tensor | None = None,
        interpolate_pos_encoding: bool | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> modeling.BaseModelOutput:
        """Run images ``(batch, channels, height, width)`` of any size through the layers.

        ``bool_masked_pos`` ``(batch, patches)`` puts the mask in place of patches;
        ``attention_mask`` counts the leading token too. Positions are always interpolated. The
        hidden states are those before the last norm.
        """
        grid = self.grid_of(pixel_values)
        embedded = self.embed(pixel_values, bool_masked_pos, grid)
        output = self.run(embedded, attention_mask, **modeling.wanted_states(options))
        states = self.norm(output.last_hidden_state)
        return modeling.BaseModelOutput(
            last_hidden_state=states,
            pooler_output=states[:, 0],
            hidden_states=output.hidden_states,
            attentions=output.attentions,
        )


class Dinov2ForImageClassification(
    Dinov2PreTrainedModel, modeling.ImageModelForImageClassification
):
    """A class for an image, by the states of the first token and of the mean patch."""

    input_embeddings = "model.embed.patches"
    body_class: ClassVar[type[Dinov2Model]] = Dinov2Model

    def __init__(self, config: Dinov2Config) -> None:
        super().__init__(config)
        self.model = self.body_class(config)
        size, labels = 2 * config.hidden_size, config.num_labels
        self.classifier = layers.linear(size, labels) if labels else nn.Identity()
        self.post_init()

    def classify(self, body: modeling.BaseModelOutput) -> Tensor:
        states: Tensor = body.last_hidden_state
        scores: Tensor = self.classifier(
            torch.cat([states[:, 0], states[:, self.config.leading_tokens :].mean(dim=1)], dim=1)
        )
        return scores


class Dinov2Backbone(modeling.BackboneMixin, Dinov2Layers):
    """The states of layers as feature maps, or with ``reshape_hidden_states`` false as they are.

    The states of each chosen layer are normalised, unless ``apply_layernorm`` is false.
    """

    config: Dinov2Config

    def __init__(self, config: Dinov2Config) -> None:
        super().__init__(config)
        self.num_features = [config.hidden_size] * len(config.stage_names)
        self.post_init()

    @modeling.model_call
    def forward(
        self,
        pixel_values: Tensor | None = None,
        attention_mask: Tensor | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> modeling.BackboneOutput:
        """Return maps ``(batch, hidden_size, rows, columns)`` of images of any size."""
        grid = self.grid_of(pixel_values)
        wanted: dict[str, Any] = {**modeling.wanted_states(options)}
        every = wanted["output_hidden_states"]
        wanted["output_hidden_states"] = every or self.stage_numbers
        output = self.run(self.embed(pixel_values, None, grid), attention_mask, **wanted)
        states: Sequence[Tensor] = output.hidden_states or ()
        chosen = self.chosen_maps(states) if every else states
        return modeling.BackboneOutput(
            tuple(self.as_map(each, grid) for each in chosen),
            hidden_states=output.hidden_states if every else None,
            attentions=output.attentions,
        )

    def as_map(self, states: Tensor, grid: tuple[int, int]) -> Tensor:
        """Return the states of one layer as the configuration asks for them."""
        if self.config.apply_layernorm:
            states = self.norm(states)
        if not self.config.reshape_hidden_states:
            return states
        patches = states[:, self.config.leading_tokens :]
        return layers.map_of_patches(patches, grid).contiguous()
