"""CLIP: a causal tower of texts and a tower of images, which meet in one space."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn

from automodel_clip.configuration import CLIPConfig, CLIPTextConfig, CLIPVisionConfig
from automodel_clip.weights import clip_names, image_names, text_names
from automodel_core import layers, modeling
from automodel_core.checkpoint import WeightNames
from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import InputError
from automodel_core.families.clip import (
    ImageEmbeddings,
    ImageTower,
    ImageTowerForImageClassification,
    TextTower,
)

if TYPE_CHECKING:
    from typing_extensions import Unpack

ENDS_AT_LARGEST = 2
"""The ``eos_token_id`` of files that never used it: there the end is the largest id of a text."""


class CLIPPreTrainedModel(modeling.PreTrainedModel):
    """What all CLIP models share: their first values, narrower the more layers there are."""

    config_class: ClassVar[type[PreTrainedConfig]] = CLIPConfig
    config: Any

    @torch.no_grad()
    def init_module(self, module: nn.Module) -> None:
        super().init_module(module)
        if isinstance(module, layers.Attention | layers.FeedForward):
            self._init_part(module)
        elif isinstance(module, ImageEmbeddings):
            factor, size = self.config.initializer_factor, self.config.hidden_size
            spread = self.config.initializer_range * factor
            module.patches.projection.weight.normal_(0.0, spread)
            module.positions.weight.normal_(0.0, spread)
            if module.class_token is not None:
                module.class_token.normal_(0.0, size**-0.5 * factor)
        elif isinstance(module, TextTower):
            for table in (module.embed_tokens, module.embed_positions):
                modeling.init_normal(table, 0.02 * self.config.initializer_factor)

    def _init_part(self, module: layers.Attention | layers.FeedForward) -> None:
        size, factor = self.config.hidden_size, self.config.initializer_factor
        deep = size**-0.5 * (2 * self.config.num_hidden_layers) ** -0.5 * factor
        if isinstance(module, layers.FeedForward):
            module.up_proj.weight.normal_(0.0, (2 * size) ** -0.5 * factor)
            module.down_proj.weight.normal_(0.0, deep)
            return
        for projection in (module.q_proj, module.k_proj, module.v_proj):
            projection.weight.normal_(0.0, deep)
        module.o_proj.weight.normal_(0.0, size**-0.5 * factor)

    @torch.no_grad()
    def init_projection(self, projection: nn.Module) -> None:
        """Draw the weights of a layer that takes pooled states."""
        if isinstance(projection, nn.Linear):
            spread = projection.in_features**-0.5 * self.config.initializer_factor
            projection.weight.normal_(0.0, spread)


class CLIPTextModel(CLIPPreTrainedModel, TextTower):
    """The tower of texts: a token sees those before it, and the end of a text stands for it."""

    config_class = CLIPTextConfig

    def __init__(self, config: CLIPTextConfig) -> None:
        super().__init__(config)
        self.post_init()

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return text_names("")

    def mask(self, inputs: modeling.TextInputs, states: Tensor) -> layers.Mask:
        return layers.decoder_mask(inputs.attention_mask, inputs.span, states)

    def pool(self, states: Tensor, inputs: modeling.TextInputs) -> Tensor | None:
        """Return each text's state at its first end; embeddings do not show where that is."""
        if inputs.input_ids is None:
            return None
        ids = inputs.input_ids.to(states.device)
        if self.config.eos_token_id == ENDS_AT_LARGEST:
            ends = ids.argmax(dim=-1)
        else:
            ends = (ids == self.config.eos_token_id).int().argmax(dim=-1)
        return states[torch.arange(states.shape[0], device=states.device), ends]


class CLIPVisionModel(CLIPPreTrainedModel, ImageTower):
    """The tower of images: the state of a token before the patches stands for them."""

    config_class = CLIPVisionConfig

    def __init__(self, config: CLIPVisionConfig) -> None:
        super().__init__(config)
        size = config.hidden_size
        patches = layers.PatchEmbedding(config.num_channels, size, config.patch_size, bias=False)
        token = nn.Parameter(torch.zeros(size))
        self.embed = ImageEmbeddings(config.image_size, patches, token)
        self.embed_norm = layers.layer_norm(size, eps=config.layer_norm_eps)
        self.post_init()

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return image_names("")

    def pool(self, states: Tensor) -> tuple[Tensor, Tensor]:
        return states, self.norm(states[:, 0])


class CLIPModel(CLIPPreTrainedModel, modeling.TwoTowerModel):
    """Both towers: how well texts and images fit."""

    base_model_prefix = "clip"

    def __init__(self, config: CLIPConfig) -> None:
        super().__init__(config)
        text, image, size = config.text_config, config.vision_config, config.projection_dim
        self.text_model = CLIPTextModel(text)
        self.vision_model = CLIPVisionModel(image)
        self.text_projection = layers.linear(text.hidden_size, size, bias=False)
        self.visual_projection = layers.linear(image.hidden_size, size, bias=False)
        self.logit_scale = nn.Parameter(torch.tensor(config.logit_scale_init_value))
        self.logit_bias = None
        self.post_init()

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return clip_names()

    def init_module(self, module: nn.Module) -> None:
        if module is self:
            self.init_projection(self.text_projection)
            self.init_projection(self.visual_projection)


class CLIPTextModelWithProjection(CLIPPreTrainedModel, modeling.TextModelHead):
    """The tower of texts with its projection into the space that both towers share."""

    config_class = CLIPTextConfig
    base_model_prefix = "text_model"

    def __init__(self, config: CLIPTextConfig) -> None:
        super().__init__(config)
        self.model = CLIPTextModel(config)
        self.text_projection = layers.linear(config.hidden_size, config.projection_dim, bias=False)
        self.post_init()

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return text_names("model")

    def init_module(self, module: nn.Module) -> None:
        self.init_projection(module)

    @modeling.model_call
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> modeling.TextEmbedsOutput:
        """Return the vectors of texts ``(batch, length)``."""
        if input_ids is None:
            raise InputError("give input_ids: the end of a text is found in them")
        body = self.model(
            input_ids, attention_mask=attention_mask, position_ids=position_ids, **options
        )
        return modeling.TextEmbedsOutput.of(
            body, text_embeds=self.text_projection(body.pooler_output)
        )


class CLIPVisionModelWithProjection(CLIPPreTrainedModel, modeling.ImageModelHead):
    """The tower of images with its projection into the space that both towers share."""

    config_class = CLIPVisionConfig
    base_model_prefix = "vision_model"
    input_embeddings = "model.embed.patches"

    def __init__(self, config: CLIPVisionConfig) -> None:
        super().__init__(config)
        self.model = CLIPVisionModel(config)
        size = config.hidden_size
        self.visual_projection = layers.linear(size, config.projection_dim, bias=False)
        self.post_init()

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return image_names("model")

    def init_module(self, module: nn.Module) -> None:
        self.init_projection(module)

    @modeling.model_call
    def forward(
        self,
        pixel_values: Tensor | None = None,
        interpolate_pos_encoding: bool | None = None,
        **options: Unpack[modeling.ForwardOptions],
    ) -> modeling.ImageEmbedsOutput:
        """Return the vectors of images ``(batch, channels, height, width)``."""
        body = self.model(
            pixel_values, interpolate_pos_encoding=interpolate_pos_encoding, **options
        )
        return modeling.ImageEmbedsOutput.of(
            body, image_embeds=self.visual_projection(body.pooler_output)
        )


class CLIPForImageClassification(CLIPPreTrainedModel, ImageTowerForImageClassification):
    """A class for an image, by the states of its patches before the last norm."""

    def __init__(self, config: CLIPConfig) -> None:
        super().__init__(config, CLIPVisionModel(config.vision_config))
        self.model.norm.requires_grad_(False)  # of the pooled state, which is not read
        self.post_init()

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return image_names("model")

    def init_module(self, module: nn.Module) -> None:
        super().init_module(module)
        self.init_projection(module)
