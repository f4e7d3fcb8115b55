"""The configuration of ProphetNet."""

from __future__ import annotations

from typing import Annotated, ClassVar

from automodel_core.configuration import PreTrainedConfig, TokenId
from automodel_core.errors import ConfigurationError
from automodel_core.fields import NonNegativeFloat, NonNegativeInt, PositiveInt, Probability, Range

ORDER = "the scores of positions read at once depend on how many they are, as in transformers"
STREAMS = "hidden_states are those of the text, not of the predicting streams, as in transformers"
NGRAMS = "the loss counts the tokens after the next too"


class ProphetNetConfig(PreTrainedConfig):
    """ProphetNet (https://arxiv.org/abs/2001.04063): its decoder predicts ``ngram`` tokens at once.

    ``disable_ngram_loss`` trains the next token alone, ``eps`` smooths the labels.
    """

    model_type = "prophetnet"
    aliases: ClassVar = {
        "num_attention_heads": "num_encoder_attention_heads",
        "num_hidden_layers": "num_encoder_layers",
    }
    expected_failures: ClassVar = {
        "cached_decoding_equals_uncached-seq2seq-lm": ORDER,
        "cached_decoding_equals_uncached-causal-lm": ORDER,
        "padding_changes_nothing-causal-lm": ORDER,
        "left_padded_rows_write_what_they_write_alone-causal-lm": ORDER,
        "states_score_as_forward_does-seq2seq-lm": STREAMS,
        "states_score_as_forward_does-causal-lm": STREAMS,
        "hidden_states_are_those_of_the_layers-base": STREAMS,
        "hidden_states_are_those_of_the_layers-seq2seq-lm": STREAMS,
        "hidden_states_are_those_of_the_layers-causal-lm": STREAMS,
        "loss_is_that_of_the_logits-seq2seq-lm": NGRAMS,
        "loss_is_that_of_the_logits-causal-lm": NGRAMS,
    }

    activation_dropout: Probability = 0.1
    activation_function: str = "gelu"
    vocab_size: PositiveInt = 30522
    hidden_size: PositiveInt = 1024
    encoder_ffn_dim: PositiveInt = 4096
    num_encoder_layers: PositiveInt = 12
    num_encoder_attention_heads: PositiveInt = 16
    decoder_ffn_dim: PositiveInt = 4096
    num_decoder_layers: PositiveInt = 12
    num_decoder_attention_heads: PositiveInt = 16
    attention_dropout: Probability = 0.1
    dropout: Probability = 0.1
    max_position_embeddings: PositiveInt = 512
    init_std: NonNegativeFloat = 0.02
    is_encoder_decoder: bool = True
    add_cross_attention: bool = True
    decoder_start_token_id: TokenId = 0
    ngram: PositiveInt = 2
    num_buckets: Annotated[int, Range(minimum=2)] = 32
    relative_max_distance: PositiveInt = 128
    disable_ngram_loss: bool = False
    eps: Probability = 0.0
    use_cache: bool = True
    pad_token_id: NonNegativeInt = 0
    bos_token_id: int | None = 1
    eos_token_id: TokenId = 2

    @property
    def decoder_positions(self) -> int:
        """How many tokens the decoder can read: rows behind the padding's, one for the next."""
        return self.max_position_embeddings - self.pad_token_id - 2

    @property
    def position_limit(self) -> int | None:
        """``None`` with an encoder, where all tokens beyond the last position stand there."""
        return None if self.is_encoder_decoder else self.decoder_positions

    def validate(self) -> None:
        for key in ("num_encoder_attention_heads", "num_decoder_attention_heads"):
            heads = getattr(self, key)
            if self.hidden_size % heads:
                raise ConfigurationError(
                    f"ProphetNetConfig: hidden_size={self.hidden_size} is not a multiple of "
                    f"{key}={heads}"
                )
        if self.relative_max_distance <= self.num_buckets // 2:
            raise ConfigurationError(
                f"ProphetNetConfig: relative_max_distance={self.relative_max_distance} must be "
                f"above half of num_buckets={self.num_buckets}: each distance below has a bucket"
            )
        if self.decoder_positions < 2:
            raise ConfigurationError(
                f"ProphetNetConfig: max_position_embeddings={self.max_position_embeddings} leaves "
                f"no position behind pad_token_id={self.pad_token_id}, where positions begin"
            )
