"""The keys that the family's configurations have in common."""

from __future__ import annotations

from typing import ClassVar

from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import ConfigurationError
from automodel_core.fields import NonNegativeFloat, PositiveInt, Probability

__all__ = ["FairseqConfig", "FairseqDecoderConfig"]


class FairseqDecoderConfig(PreTrainedConfig):
    """A decoder alone."""

    aliases: ClassVar = {
        "hidden_size": "d_model",
        "num_attention_heads": "decoder_attention_heads",
        "num_hidden_layers": "decoder_layers",
    }

    vocab_size: PositiveInt = 50265
    max_position_embeddings: PositiveInt = 1024
    d_model: PositiveInt = 1024
    decoder_layers: PositiveInt = 12
    decoder_ffn_dim: PositiveInt = 4096
    decoder_attention_heads: PositiveInt = 16
    decoder_layerdrop: Probability = 0.0
    activation_function: str = "gelu"
    dropout: Probability = 0.1
    attention_dropout: Probability = 0.0
    activation_dropout: Probability = 0.0
    init_std: NonNegativeFloat = 0.02
    scale_embedding: bool = False
    """Whether embedded tokens are multiplied by ``d_model ** 0.5``."""
    use_cache: bool = True

    def validate(self) -> None:
        self._check_heads("decoder_attention_heads")

    def _check_heads(self, key: str) -> None:
        heads = getattr(self, key)
        if self.d_model % heads:
            raise ConfigurationError(
                f"{type(self).__name__}: d_model={self.d_model} is not a multiple of {key}={heads}"
            )


class FairseqConfig(FairseqDecoderConfig):
    """An encoder and a decoder, which may differ in depth, width and heads."""

    aliases: ClassVar = {
        "hidden_size": "d_model",
        "num_attention_heads": "encoder_attention_heads",
        "num_hidden_layers": "encoder_layers",
    }

    encoder_layers: PositiveInt = 12
    encoder_ffn_dim: PositiveInt = 4096
    encoder_attention_heads: PositiveInt = 16
    encoder_layerdrop: Probability = 0.0
    is_encoder_decoder: bool = True

    def validate(self) -> None:
        super().validate()
        self._check_heads("encoder_attention_heads")
