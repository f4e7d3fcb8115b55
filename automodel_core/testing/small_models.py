"""Small architectures, to test composites without installing any other plugin."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from automodel_core import registry
from automodel_core.checkpoint.names.table import WeightNames
from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import InputError
from automodel_core.layers.attention import Attention, equal_heads
from automodel_core.layers.feed_forward import FeedForward
from automodel_core.layers.kernels.linear import embedding, linear
from automodel_core.layers.masks import padding_mask
from automodel_core.layers.stack import TransformerStack
from automodel_core.layers.transformer import TransformerLayer
from automodel_core.modeling.bodies.text import TextBody
from automodel_core.modeling.calls import ForwardOptions, model_call, wanted_states
from automodel_core.modeling.heads.text import TextModelForCausalLM
from automodel_core.modeling.outputs.base import BaseModelOutput
from automodel_core.modeling.pretrained.base import PreTrainedModel

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = [
    "SmallImageConfig",
    "SmallImageModel",
    "SmallSoundConfig",
    "SmallSoundModel",
    "SmallTextConfig",
    "SmallTextForCausalLM",
    "SmallTextModel",
    "register_small_parts",
]


class SmallConfig(PreTrainedConfig):
    """What both architectures have."""

    hidden_size: int = 8
    num_hidden_layers: int = 2
    initializer_range: float = 0.5


class SmallTextConfig(SmallConfig):
    """A text encoder, or with ``is_decoder`` a decoder."""

    model_type = "small-text"

    vocab_size: int = 23
    use_cache: bool = True


class SmallImageConfig(SmallConfig):
    """An encoder of square images."""

    model_type = "small-image"

    image_size: int = 6
    patch_size: int = 2
    num_channels: int = 3


class SmallSoundConfig(SmallConfig):
    """An encoder of waveforms."""

    model_type = "small-sound"

    samples: int = 4
    """Those of a frame."""


def small_stack(config: SmallConfig) -> TransformerStack:
    size = config.hidden_size
    return TransformerStack(
        [
            TransformerLayer(
                Attention(equal_heads(size, 2)),
                FeedForward(size, 2 * size),
                partial(nn.LayerNorm, size),
                norm_first=True,
                cross_attn=Attention(equal_heads(size, 2)) if config.add_cross_attention else None,
            )
            for _ in range(config.num_hidden_layers)
        ],
        nn.LayerNorm(size),
    )


STACK_NAMES = {
    "h": "stack.layers",
    "h.*.first_norm": "stack.layers.*.self_attn_norm",
    "h.*.cross_attn_layer_norm": "stack.layers.*.cross_attn_norm",
    "h.*.last_norm": "stack.layers.*.mlp_norm",
    "last": "stack.norm",
}


class SmallTextFacts(PreTrainedModel):
    """What the text models share."""

    config_class = SmallTextConfig
    config: SmallTextConfig
    base_model_prefix = "small"
    optional_weights = ("stack.layers.*.cross_attn", "stack.layers.*.cross_attn_norm")

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        body = WeightNames({"words": "embed_tokens", **STACK_NAMES})
        return body.nested(hub="small", module="model") if cls.body else body


class SmallTextModel(SmallTextFacts, TextBody):
    """The body."""

    def __init__(self, config: SmallTextConfig) -> None:
        super().__init__(config, decoder=config.is_decoder)
        self.embed_tokens = embedding(config.vocab_size, config.hidden_size)
        self.stack = small_stack(config)
        self.post_init()


class SmallTextForCausalLM(SmallTextFacts, TextModelForCausalLM):
    """The body with an output layer, which is the embeddings."""

    def __init__(self, config: SmallTextConfig) -> None:
        super().__init__(config)
        self.model = SmallTextModel(config)
        self.lm_head = linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()


class SmallImageModel(PreTrainedModel):
    """Patches, in rows, as a text is of tokens."""

    config_class = SmallImageConfig
    config: SmallImageConfig
    main_input_name = "pixel_values"
    input_embeddings = "embed_patches"

    def __init__(self, config: SmallImageConfig) -> None:
        super().__init__(config)
        patch = config.num_channels * config.patch_size**2
        self.embed_patches = linear(patch, config.hidden_size)
        self.stack = small_stack(config)
        self.post_init()

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return WeightNames(STACK_NAMES)

    @model_call
    def forward(
        self,
        pixel_values: Tensor,
        interpolate_pos_encoding: bool = False,
        **options: Unpack[ForwardOptions],
    ) -> BaseModelOutput:
        """Encode ``(batch, channels, height, width)``."""
        size = self.config.image_size
        if not interpolate_pos_encoding and tuple(pixel_values.shape[2:]) != (size, size):
            raise InputError(f"pixel_values must be {size} high and wide")
        patch = self.config.patch_size
        pixels = pixel_values.to(self.dtype)
        patches = nn.functional.unfold(pixels, patch, stride=patch).transpose(1, 2)
        output = self.stack(
            self.embed_patches(patches),
            **wanted_states(options),
        )
        return BaseModelOutput(**vars(output))


class SmallSoundModel(PreTrainedModel):
    """Frames of samples, in rows, as a text is of tokens."""

    config_class = SmallSoundConfig
    config: SmallSoundConfig
    main_input_name = "input_values"
    input_embeddings = "embed_frames"

    def __init__(self, config: SmallSoundConfig) -> None:
        super().__init__(config)
        width = config.samples
        self.embed_frames = nn.Conv1d(1, config.hidden_size, width, stride=width)
        self.stack = small_stack(config)
        self.post_init()

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        return WeightNames(STACK_NAMES)

    def heard_frames(self, frames: int, attention_mask: Tensor | None) -> Tensor | None:
        """Return ``(batch, frames)``, true for frames of samples that count."""
        if attention_mask is None:
            return None
        lengths = attention_mask.sum(-1) // self.config.samples
        return torch.arange(frames, device=lengths.device) < lengths[:, None]

    @model_call
    def forward(
        self,
        input_values: Tensor,
        attention_mask: Tensor | None = None,
        **options: Unpack[ForwardOptions],
    ) -> BaseModelOutput:
        """Encode ``(batch, samples)``."""
        frames = self.embed_frames(input_values.to(self.dtype)[:, None]).transpose(1, 2)
        mask = padding_mask(self.heard_frames(frames.shape[1], attention_mask), self.dtype)
        output = self.stack(frames, mask, **wanted_states(options))
        return BaseModelOutput(**vars(output))


def register_small_parts() -> None:
    """Let this process find the architectures."""
    for config in (SmallTextConfig, SmallImageConfig, SmallSoundConfig):
        registry.architectures.register_config(config.model_type, config, exist_ok=True)
    models = (
        ("base", SmallTextModel),
        ("causal-lm", SmallTextForCausalLM),
        ("base", SmallImageModel),
        ("base", SmallSoundModel),
    )
    for task, model in models:
        registry.architectures.register_model(task, model.config_class, model, exist_ok=True)
