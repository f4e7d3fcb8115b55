"""The configuration of Swin2SR."""

from __future__ import annotations

from typing import ClassVar, Literal

from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import ConfigurationError
from automodel_core.fields import NonNegativeFloat, PositiveFloat, PositiveInt, Probability

DEPTHS = [6, 6, 6, 6, 6, 6]
HEADS = [6, 6, 6, 6, 6, 6]


class Swin2SRConfig(PreTrainedConfig):
    """Swin2SR (https://arxiv.org/abs/2209.11345): stages of one size, then what makes pixels.

    ``upsampler`` is how images become ``upscale`` times as large; without one they keep their size.
    """

    model_type = "swin2sr"
    aliases: ClassVar = {
        "hidden_size": "embed_dim",
        "num_attention_heads": "num_heads",
        "num_hidden_layers": "num_layers",
    }
    small_model: ClassVar = {"depths": [2, 1], "num_heads": [2, 4]}

    image_size: PositiveInt | list[PositiveInt] = 64
    patch_size: PositiveInt | list[PositiveInt] = 1
    num_channels: PositiveInt = 3
    num_channels_out: PositiveInt | None = None
    embed_dim: PositiveInt = 180
    depths: list[PositiveInt] = DEPTHS
    num_heads: list[PositiveInt] = HEADS
    window_size: PositiveInt = 8
    mlp_ratio: PositiveFloat = 2.0
    qkv_bias: bool = True
    hidden_dropout_prob: Probability = 0.0
    attention_probs_dropout_prob: Probability = 0.0
    drop_path_rate: Probability = 0.1
    hidden_act: str = "gelu"
    use_absolute_embeddings: bool = False
    initializer_range: NonNegativeFloat = 0.02
    layer_norm_eps: NonNegativeFloat = 1e-5
    upscale: PositiveInt = 2
    img_range: PositiveFloat = 1.0
    resi_connection: Literal["1conv", "3conv"] = "1conv"
    upsampler: (
        Literal["pixelshuffle", "pixelshuffle_aux", "pixelshuffledirect", "nearest+conv", ""] | None
    ) = "pixelshuffle"
    num_layers: int | None = None
    """How many stages there are, which ``depths`` says."""

    def validate(self) -> None:
        super().validate()
        if not self.depths or len(self.num_heads) != len(self.depths):
            raise self._error(
                f"depths={self.depths} and num_heads={self.num_heads} must have one number for "
                "each stage"
            )
        for stage, heads in enumerate(self.num_heads):
            if self.embed_dim % heads:
                raise self._error(
                    f"embed_dim={self.embed_dim} is not a multiple of num_heads[{stage}]={heads}"
                )
        if self.patch_size not in (1, [1, 1]):
            raise self._error(
                f"patch_size={self.patch_size} cannot be used: each stage would make patches of "
                "patches"
            )
        if self.use_absolute_embeddings:
            raise self._error(
                "use_absolute_embeddings=True cannot be used: no checkpoint has such embeddings, "
                "and the reference one more of them than there are pixels"
            )
        self.num_layers = len(self.depths)
        self.num_channels_out = self.num_channels_out or self.num_channels
        self._validate_upsampler()

    @property
    def channels_made(self) -> int:
        """How many channels the images have that a model makes."""
        return self.num_channels_out or self.num_channels

    def _validate_upsampler(self) -> None:
        name, scale = self.upsampler, self.upscale
        if name == "nearest+conv" and scale != 4:
            raise self._error(f"upsampler='nearest+conv' needs upscale=4, not {scale}")
        if name in ("pixelshuffle", "pixelshuffle_aux") and scale & (scale - 1) and scale != 3:
            raise self._error(
                f"upsampler={name!r} needs an upscale of 3 or a power of 2, not {scale}"
            )
        if name == "pixelshuffle_aux" and self.num_channels != 3:
            raise self._error(f"upsampler={name!r} needs num_channels=3, not {self.num_channels}")
        channels = {self.num_channels, self.num_channels_out}
        if not name and len(channels - {1}) > 1:  # what the layers find is added to the image
            raise self._error(
                f"without an upsampler, num_channels_out={self.num_channels_out} must equal "
                f"num_channels={self.num_channels}, or one of the two be 1"
            )

    def _error(self, message: str) -> ConfigurationError:
        return ConfigurationError(f"Swin2SRConfig: {message}")
