"""The configuration of Marian."""

from __future__ import annotations

from automodel_core.configuration import TokenId
from automodel_core.families.fairseq import FairseqConfig
from automodel_core.fields import PositiveInt


class MarianConfig(FairseqConfig):
    """Marian (https://arxiv.org/abs/1804.00344), as OPUS-MT and Tatoeba models use it."""

    model_type = "marian"

    vocab_size: PositiveInt = 58101
    decoder_vocab_size: PositiveInt | None = None
    """The size of the decoder's vocabulary, where it is not the encoder's."""
    share_encoder_decoder_embeddings: bool = True
    """Whether both sides read one vocabulary; else the decoder has embeddings of its own."""
    pad_token_id: int | None = 58100
    eos_token_id: TokenId = 0
    decoder_start_token_id: TokenId = 58100
    forced_eos_token_id: TokenId = 0

    def validate(self) -> None:
        super().validate()
        if self.decoder_vocab_size is None:
            self.decoder_vocab_size = self.vocab_size
