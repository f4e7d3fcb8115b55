"""ViT: pre-norm layers over the patches of an image, behind a learned token."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from automodel_core import layers, modeling
from automodel_core.checkpoint import WeightNames
from automodel_core.errors import InputError
from automodel_core.families.vit import vit_layer
from automodel_core.layers import layer_norm
from automodel_vit.configuration import ViTConfig
from automodel_vit.weights import vit_names

if TYPE_CHECKING:
    from typing_extensions import Unpack


class ViTEmbeddings(nn.Module):
    """Learned tokens, then the patches, each with a learned position."""

    cls_token: nn.Parameter

    def __init__(self, config: ViTConfig, use_mask_token: bool) -> None:
        super().__init__()
        size, leading = config.hidden_size, config.leading_tokens
        self.image_size = layers.edges(config.image_size)
        self.patch_size = layers.edges(config.patch_size)
        self.grid = layers.patch_grid(self.image_size, self.patch_size)
        self.leading_tokens = leading
        self.dropout = config.hidden_dropout_prob
        self.patches = layers.PatchEmbedding(config.num_channels, size, self.patch_size)
        for name in leading:
            setattr(self, name, nn.Parameter(torch.zeros(1, 1, size)))
        self.mask_token = nn.Parameter(torch.zeros(1, 1, size)) if use_mask_token else None
        positions = len(leading) + self.grid[0] * self.grid[1]
        self.position_embeddings = nn.Parameter(torch.zeros(1, positions, size))

    def forward(
        self, pixel_values: Tensor, bool_masked_pos: Tensor | None, interpolate: bool
    ) -> Tensor:
        """Return ``(batch, tokens + patches, hidden_size)``."""
        embedded = self.patches(pixel_values)
        height, width = pixel_values.shape[-2:]
        if not interpolate and (height, width) != self.image_size:
            raise InputError(
                f"images of {height} x {width} do not fit the model's image_size, "
                f"{self.image_size[0]} x {self.image_size[1]}: resize them, or pass "
                "interpolate_pos_encoding=True"
            )
        embedded = modeling.hidden_patches(embedded, bool_masked_pos, self.mask_token)
        tokens = [getattr(self, name) for name in self.leading_tokens]
        batch = embedded.shape[0]
        embedded = torch.cat([*(t.expand(batch, -1, -1) for t in tokens), embedded], dim=1)
        positions = layers.resampled_positions(
            self.position_embeddings,
            len(tokens),
            self.grid,
            layers.patch_grid((height, width), self.patch_size),
        )
        return F.dropout(embedded + positions, self.dropout, self.training)


class ViTPreTrainedModel(modeling.PreTrainedModel):
    """What all ViT models share: names of weights, and first values."""

    config_class = ViTConfig
    config: ViTConfig
    base_model_prefix: ClassVar[str] = "vit"
    main_input_name = "pixel_values"
    input_embeddings = "embed.patches"
    optional_weights = ("pooler", "embed.mask_token")

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return vit_names(cls.base_model_prefix, cls.body)

    @torch.no_grad()
    def init_module(self, module: nn.Module) -> None:
        super().init_module(module)
        if isinstance(module, ViTEmbeddings):
            self.init_embeddings(module)

    def init_embeddings(self, module: ViTEmbeddings) -> None:
        """Draw the token and the positions; the mask stays zero."""
        for parameter in (module.cls_token, module.position_embeddings):
            parameter.normal_(0.0, self.config.initializer_range)


class ViTModel(ViTPreTrainedModel):
    """The body: embeddings, layers, a norm, and a pooler unless ``add_pooling_layer`` is false."""

    def __init__(
        self, config: ViTConfig, add_pooling_layer: bool = True, use_mask_token: bool = False
    ) -> None:
        super().__init__(config)
        size = config.hidden_size
        self.embed = ViTEmbeddings(config, use_mask_token)
        self.stack = layers.TransformerStack(
            layers.repeated(partial(vit_layer, config), config.num_hidden_layers)
        )
        self.norm = layer_norm(size, eps=config.layer_norm_eps)
        self.pooler = (
            modeling.Pooler(size, config.pooler_output_size, config.pooler_act)
            if add_pooling_layer
            else None
        )
        self.post_init()

    @modeling.model_call
    def forward(
        self,
        pixel_values: Tensor | None = None,
        bool_masked_pos: Tensor | None = None,
        interpolate_pos_encoding: bool | None = None,
        attention_mask: Tensor | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> modeling.BaseModelOutput:
        """Run images ``(batch, channels, height, width)`` through the layers.

        ``bool_masked_pos`` ``(batch, patches)`` puts the mask in place of patches;
        ``attention_mask`` counts the leading tokens too. The hidden states are those before the
        last norm.
        """
        if pixel_values is None:
            raise InputError("give pixel_values")
        embedded = self.embed(pixel_values, bool_masked_pos, bool(interpolate_pos_encoding))
        output = self.stack(
            embedded,
            layers.padding_mask(attention_mask, embedded.dtype),
            **modeling.wanted_states(options),
        )
        states = self.norm(output.last_hidden_state)
        return modeling.BaseModelOutput(
            last_hidden_state=states,
            pooler_output=None if self.pooler is None else self.pooler(states),
            hidden_states=output.hidden_states,
            attentions=output.attentions,
        )


class ViTHead(ViTPreTrainedModel, modeling.ImageModelHead):
    """A head on `ViTModel`."""

    input_embeddings = "model.embed.patches"
    body_class: ClassVar[type[ViTModel]] = ViTModel

    def __init__(self, config: ViTConfig, *, use_mask_token: bool = False) -> None:
        super().__init__(config)
        self.model = self.body_class(config, add_pooling_layer=False, use_mask_token=use_mask_token)


class ViTForImageClassification(ViTHead, modeling.ImageModelForImageClassification):
    """A class for an image, by the state of the first token."""

    def __init__(self, config: ViTConfig) -> None:
        super().__init__(config)
        self.classifier = classifier(config)
        self.post_init()

    def classify(self, body: modeling.BaseModelOutput) -> Tensor:
        scores: Tensor = self.classifier(body.last_hidden_state[:, 0])
        return scores


class ViTForMaskedImageModeling(ViTHead, modeling.ImageModelForMaskedImageModeling):
    """The pixels of hidden patches, by the patches' states."""

    def __init__(self, config: ViTConfig) -> None:
        super().__init__(config, use_mask_token=True)
        self.decoder = modeling.pixel_decoder(
            config.hidden_size, config.num_channels, config.encoder_stride
        )
        self.post_init()


def classifier(config: ViTConfig) -> nn.Module:
    """Return the layer that scores labels; without labels the states are the scores."""
    labels = config.num_labels
    return layers.linear(config.hidden_size, labels) if labels else nn.Identity()
