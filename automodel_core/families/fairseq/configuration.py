"""The keys that the family's configurations have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import ConfigurationError
from automodel_core.fields import NonNegativeFloat, PositiveInt, Probability

__all__ = [
    "DecoderSizes",
    "EncoderDecoderSizes",
    "FairseqConfig",
    "FairseqDecoderConfig",
    "StackSizes",
]


@dataclass(frozen=True)
class StackSizes:
    """What may differ between the encoder and the decoder."""

    layers: int
    heads: int
    ffn_dim: int
    layerdrop: float


class DecoderSizes(PreTrainedConfig):
    """The keys of a decoder, but for those of its positions."""

    aliases: ClassVar = {
        "hidden_size": "d_model",
        "num_attention_heads": "decoder_attention_heads",
        "num_hidden_layers": "decoder_layers",
    }

    vocab_size: PositiveInt = 50265
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
    use_cache: bool = True

    @property
    def embedding_scale(self) -> float:
        """What embedded tokens are multiplied by."""
        return self.d_model**0.5 if self.scale_embedding else 1.0

    def stacks(self) -> dict[str, StackSizes]:
        """Return the sizes of each stack by its name."""
        decoder = StackSizes(
            self.decoder_layers,
            self.decoder_attention_heads,
            self.decoder_ffn_dim,
            self.decoder_layerdrop,
        )
        return {"decoder": decoder}

    def side(self, *, decoder: bool) -> StackSizes:
        """Return the sizes of the decoder, or of the encoder."""
        return self.stacks()["decoder" if decoder else "encoder"]

    def validate(self) -> None:
        for side, sizes in self.stacks().items():
            if self.d_model % sizes.heads:
                raise ConfigurationError(
                    f"{type(self).__name__}: d_model={self.d_model} is not a multiple of "
                    f"{side}_attention_heads={sizes.heads}"
                )


class EncoderDecoderSizes(DecoderSizes):
    """The keys of an encoder and a decoder, which may differ in depth, width and heads."""

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

    def stacks(self) -> dict[str, StackSizes]:
        encoder = StackSizes(
            self.encoder_layers,
            self.encoder_attention_heads,
            self.encoder_ffn_dim,
            self.encoder_layerdrop,
        )
        return {"encoder": encoder, **super().stacks()}


class FairseqDecoderConfig(DecoderSizes):
    """A decoder alone."""

    expected_failures: ClassVar = {
        "loss_is_that_of_the_logits-causal-lm": "labels are not shifted, as in transformers",
    }

    max_position_embeddings: PositiveInt = 1024


class FairseqConfig(FairseqDecoderConfig, EncoderDecoderSizes):
    """An encoder and a decoder that read as many positions."""
