"""The configuration of TrOCR's decoder."""

from __future__ import annotations

from automodel_core.configuration import TokenId
from automodel_core.families.fairseq import FairseqDecoderConfig
from automodel_core.fields import PositiveInt


class TrOCRConfig(FairseqDecoderConfig):
    """TrOCR (https://arxiv.org/abs/2109.10282): a decoder that reads an image's states."""

    model_type = "trocr"

    max_position_embeddings: PositiveInt = 512
    use_learned_position_embeddings: bool = True
    """Whether positions are learned, or sines and cosines."""
    layernorm_embedding: bool = True
    """Whether the sum of tokens and positions is normalised."""
    pad_token_id: int = 1
    bos_token_id: int | None = 0
    eos_token_id: TokenId = 2
    decoder_start_token_id: TokenId = 2

    @property
    def position_limit(self) -> int | None:
        """How many positions there are; sines and cosines go on for ever."""
        return self.max_position_embeddings if self.use_learned_position_embeddings else None
