"""The configurations of Blenderbot and Blenderbot-small."""

from __future__ import annotations

from automodel_core.configuration import TokenId
from automodel_core.families.fairseq import FairseqConfig
from automodel_core.fields import NonNegativeInt, PositiveInt


class BlenderbotSmallConfig(FairseqConfig):
    """Blenderbot's first and smallest model, of 90 million weights."""

    model_type = "blenderbot-small"

    max_position_embeddings: PositiveInt = 512
    d_model: PositiveInt = 512
    encoder_layers: PositiveInt = 8
    encoder_ffn_dim: PositiveInt = 2048
    decoder_layers: PositiveInt = 8
    decoder_ffn_dim: PositiveInt = 2048
    pad_token_id: int | None = 0
    bos_token_id: int | None = 1
    eos_token_id: TokenId = 2
    decoder_start_token_id: TokenId = 1
    forced_eos_token_id: TokenId = 2


class BlenderbotConfig(FairseqConfig):
    """Blenderbot (https://arxiv.org/abs/2004.13637)."""

    model_type = "blenderbot"

    vocab_size: PositiveInt = 8008
    max_position_embeddings: PositiveInt = 128
    d_model: PositiveInt = 2560
    encoder_layers: PositiveInt = 2
    encoder_ffn_dim: PositiveInt = 10240
    encoder_attention_heads: PositiveInt = 32
    decoder_layers: PositiveInt = 24
    decoder_ffn_dim: PositiveInt = 10240
    decoder_attention_heads: PositiveInt = 32
    pad_token_id: int | None = 0
    bos_token_id: int | None = 1
    eos_token_id: TokenId = 2
    decoder_start_token_id: TokenId = 1
    forced_eos_token_id: TokenId = 2
    encoder_no_repeat_ngram_size: NonNegativeInt | None = 3
