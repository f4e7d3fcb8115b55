"""The configurations of SAM and of its three parts."""

from __future__ import annotations

from typing import Any, ClassVar

from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import ConfigurationError
from automodel_core.fields import NonNegativeFloat, NonNegativeInt, PositiveInt, Probability

GLOBAL_LAYERS = [2, 5, 8, 11]


class SamPromptEncoderConfig(PreTrainedConfig):
    """The part that reads points, boxes and masks."""

    model_type = "sam_prompt_encoder"
    base_config_key: ClassVar[str] = "prompt_encoder_config"

    hidden_size: PositiveInt = 256
    image_size: PositiveInt = 1024
    patch_size: PositiveInt = 16
    mask_input_channels: PositiveInt = 16
    num_point_embeddings: PositiveInt = 4
    hidden_act: str = "gelu"
    layer_norm_eps: NonNegativeFloat = 1e-6
    image_embedding_size: PositiveInt | None = None
    """Places of a map below and beside each other; files hold it, and it follows from the sizes."""

    def validate(self) -> None:
        self.image_embedding_size = self.image_size // self.patch_size
        if self.mask_input_channels % 4:
            raise ConfigurationError(
                f"SamPromptEncoderConfig: mask_input_channels={self.mask_input_channels} is not a "
                "multiple of 4"
            )


class SamMaskDecoderConfig(PreTrainedConfig):
    """The part that makes masks of prompts and of an image's map."""

    model_type = "sam_mask_decoder"
    base_config_key: ClassVar[str] = "mask_decoder_config"

    hidden_size: PositiveInt = 256
    hidden_act: str = "relu"
    mlp_dim: PositiveInt = 2048
    num_hidden_layers: PositiveInt = 2
    num_attention_heads: PositiveInt = 8
    attention_downsample_rate: PositiveInt = 2
    num_multimask_outputs: PositiveInt = 3
    iou_head_depth: PositiveInt = 3
    iou_head_hidden_dim: PositiveInt = 256
    layer_norm_eps: NonNegativeFloat = 1e-6

    def validate(self) -> None:
        inner = self.hidden_size // self.attention_downsample_rate
        if self.hidden_size % 8 or self.hidden_size % self.num_attention_heads:
            raise ConfigurationError(
                f"SamMaskDecoderConfig: hidden_size={self.hidden_size} is not a multiple of 8 and "
                f"of num_attention_heads={self.num_attention_heads}"
            )
        if inner % self.num_attention_heads:
            raise ConfigurationError(
                f"SamMaskDecoderConfig: hidden_size={self.hidden_size} over "
                f"attention_downsample_rate={self.attention_downsample_rate} is not a multiple of "
                f"num_attention_heads={self.num_attention_heads}"
            )


class SamVisionConfig(PreTrainedConfig):
    """The encoder of images, whose layers but ``global_attn_indexes`` attend within windows."""

    model_type = "sam_vision_model"
    base_config_key: ClassVar[str] = "vision_config"
    small_model: ClassVar = {
        "num_pos_feats": 8, "initializer_range": 0.02, "global_attn_indexes": [1],
    }  # fmt: skip

    hidden_size: PositiveInt = 768
    output_channels: PositiveInt = 256
    num_hidden_layers: PositiveInt = 12
    num_attention_heads: PositiveInt = 12
    num_channels: PositiveInt = 3
    image_size: PositiveInt = 1024
    patch_size: PositiveInt = 16
    hidden_act: str = "gelu"
    layer_norm_eps: NonNegativeFloat = 1e-6
    attention_dropout: Probability = 0.0
    initializer_range: NonNegativeFloat = 1e-10
    qkv_bias: bool = True
    mlp_ratio: NonNegativeFloat = 4.0
    use_abs_pos: bool = True
    use_rel_pos: bool = True
    window_size: NonNegativeInt = 14
    """Places of a window below and beside each other; 0 lets every layer see the whole image."""
    global_attn_indexes: list[int] = GLOBAL_LAYERS
    num_pos_feats: PositiveInt = 128
    mlp_dim: PositiveInt | None = None
    """The wide side of feed-forward parts, by default ``mlp_ratio`` times ``hidden_size``."""
    scale: NonNegativeFloat | None = None
    """The deviation of the first frequencies; files hold it, and it follows from the size."""

    def validate(self) -> None:
        self.scale = self.hidden_size // 2
        if self.mlp_dim is None:
            self.mlp_dim = int(self.hidden_size * self.mlp_ratio)
        if self.hidden_size % self.num_attention_heads:
            raise ConfigurationError(
                f"SamVisionConfig: hidden_size={self.hidden_size} is not a multiple of "
                f"num_attention_heads={self.num_attention_heads}"
            )
        if self.image_size % self.patch_size:
            raise ConfigurationError(
                f"SamVisionConfig: image_size={self.image_size} is not a multiple of "
                f"patch_size={self.patch_size}"
            )

    @property
    def grid(self) -> int:
        """How many patches lie below and beside each other."""
        return self.image_size // self.patch_size


class SamConfig(PreTrainedConfig):
    """Segment Anything (https://arxiv.org/abs/2304.02643): masks of what prompts mean."""

    model_type = "sam"

    vision_config: SamVisionConfig = SamVisionConfig()
    prompt_encoder_config: SamPromptEncoderConfig = SamPromptEncoderConfig()
    mask_decoder_config: SamMaskDecoderConfig = SamMaskDecoderConfig()
    initializer_range: NonNegativeFloat = 0.02

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        parts = self.sub_configs
        super().__init__(
            *args, **{k: v for k, v in kwargs.items() if v is not None or k not in parts}
        )

    def validate(self) -> None:
        vision, prompts = self.vision_config, self.prompt_encoder_config
        size = vision.output_channels
        if {size, prompts.hidden_size, self.mask_decoder_config.hidden_size} != {size}:
            raise ConfigurationError(
                f"SamConfig: output_channels={size} of vision_config, and hidden_size="
                f"{prompts.hidden_size} of prompt_encoder_config and hidden_size="
                f"{self.mask_decoder_config.hidden_size} of mask_decoder_config must be one size"
            )
        if 2 * vision.num_pos_feats != size:
            raise ConfigurationError(
                f"SamConfig: num_pos_feats={vision.num_pos_feats} of vision_config, sines and as "
                f"many cosines, must be half of output_channels={size}"
            )
        if prompts.image_embedding_size != vision.grid:
            raise ConfigurationError(
                f"SamConfig: image_size and patch_size make a map of {vision.grid} places in "
                f"vision_config and of {prompts.image_embedding_size} in prompt_encoder_config"
            )
