"""CLIP: a causal tower of texts and a tower of images, which meet in one space."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from torch import Tensor, nn

from automodel_clip.configuration import CLIPConfig, CLIPTextConfig, CLIPVisionConfig
from automodel_clip.weights import clip_names, image_names, text_names
from automodel_core import layers, modeling
from automodel_core.checkpoint import WeightNames
from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import InputError
from automodel_core.families.clip import (
    CausalTextTower,
    ClassTokenTower,
    ImageTowerForImageClassification,
    ProjectedTowers,
    TowerPreTrainedModel,
)

if TYPE_CHECKING:
    from typing_extensions import Unpack

ENDS_AT_LARGEST = 2
"""The ``eos_token_id`` of files that never used it: there the end is the largest id of a text."""


class CLIPPreTrainedModel(TowerPreTrainedModel):
    """What all CLIP models share."""

    config_class: ClassVar[type[PreTrainedConfig]] = CLIPConfig


class CLIPTextModel(CLIPPreTrainedModel, CausalTextTower):
    """The tower of texts: a token sees those before it, and the end of a text stands for it."""

    config_class = CLIPTextConfig

    def __init__(self, config: CLIPTextConfig) -> None:
        super().__init__(config)
        self.post_init()

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return text_names("")

    def ends(self, input_ids: Tensor) -> Tensor:
        """Return the place ``(batch,)`` where each text first ends."""
        if self.config.eos_token_id == ENDS_AT_LARGEST:
            return super().ends(input_ids)
        first: Tensor = (input_ids == self.config.eos_token_id).int().argmax(dim=-1)
        return first


class CLIPVisionModel(CLIPPreTrainedModel, ClassTokenTower):
    """The tower of images: the state of a token before the patches stands for them."""

    config_class = CLIPVisionConfig

    def __init__(self, config: CLIPVisionConfig) -> None:
        super().__init__(config)
        self.post_init()

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return image_names("")


class CLIPModel(CLIPPreTrainedModel, ProjectedTowers):
    """Both towers: how well texts and images fit."""

    base_model_prefix = "clip"
    text_class = CLIPTextModel
    vision_class = CLIPVisionModel

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return clip_names()


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
