"""The configuration of Whisper."""

from __future__ import annotations

from typing import ClassVar

from automodel_core.configuration import TokenId
from automodel_core.errors import ConfigurationError
from automodel_core.families.fairseq import EncoderDecoderSizes
from automodel_core.fields import NonNegativeInt, PositiveInt, Probability


class WhisperConfig(EncoderDecoderSizes):
    """Whisper (https://arxiv.org/abs/2212.04356): speech in, text out, in windows of 30 seconds."""

    model_type = "whisper"
    aliases: ClassVar = {
        **EncoderDecoderSizes.aliases,
        "max_position_embeddings": "max_target_positions",
        "num_key_value_heads": "encoder_attention_heads",
    }
    expected_failures: ClassVar = {
        "loss_is_that_of_the_logits-causal-lm": "labels are not shifted, as in transformers",
    }

    vocab_size: PositiveInt = 51865
    num_mel_bins: PositiveInt = 80
    encoder_layers: PositiveInt = 4
    encoder_attention_heads: PositiveInt = 6
    encoder_ffn_dim: PositiveInt = 1536
    decoder_layers: PositiveInt = 4
    decoder_attention_heads: PositiveInt = 6
    decoder_ffn_dim: PositiveInt = 1536
    d_model: PositiveInt = 384
    dropout: Probability = 0.0
    max_source_positions: PositiveInt = 1500
    """How many states the encoder has; each is made of two frames of the spectrogram."""
    max_target_positions: PositiveInt = 448
    pad_token_id: int | None = 50256
    bos_token_id: int | None = 50256
    eos_token_id: TokenId = 50256
    decoder_start_token_id: TokenId = 50257
    suppress_tokens: list[int] | None = None
    begin_suppress_tokens: list[int] | None = [220, 50256]  # noqa: RUF012
    use_weighted_layer_sum: bool = False
    """Whether a classifier reads a learned mean of all layers' states, and not the last ones."""
    classifier_proj_size: PositiveInt = 256
    apply_spec_augment: bool = False
    mask_time_prob: Probability = 0.05
    mask_time_length: PositiveInt = 10
    mask_time_min_masks: NonNegativeInt = 2
    mask_feature_prob: Probability = 0.0
    mask_feature_length: PositiveInt = 10
    mask_feature_min_masks: NonNegativeInt = 0
    median_filter_width: PositiveInt = 7
    """Over how many frames attention is smoothed before tokens get times by it; an odd number."""

    @property
    def max_source_frames(self) -> int:
        """How many frames of a spectrogram the encoder reads: always as many."""
        return 2 * self.max_source_positions

    @property
    def prompts_start_themselves(self) -> bool:
        """A prompt may begin with earlier text, which stands before the start token."""
        return True

    def validate(self) -> None:
        super().validate()
        if self.median_filter_width % 2 == 0:
            raise ConfigurationError(
                f"WhisperConfig: median_filter_width={self.median_filter_width} must be odd"
            )
