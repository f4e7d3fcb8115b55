"""The configuration of M2M100, and of the NLLB models that are built like it."""

from __future__ import annotations

from automodel_core.configuration import TokenId
from automodel_core.errors import ConfigurationError
from automodel_core.families.fairseq import FairseqConfig
from automodel_core.fields import PositiveInt, Probability


class M2M100Config(FairseqConfig):
    """M2M100 (https://arxiv.org/abs/2010.11125), and NLLB (https://arxiv.org/abs/2207.04672)."""

    model_type = "m2m_100"

    vocab_size: PositiveInt = 128112
    encoder_layerdrop: Probability = 0.05
    decoder_layerdrop: Probability = 0.05
    activation_function: str = "relu"
    attention_dropout: Probability = 0.1
    scale_embedding: bool = True
    pad_token_id: int | None = 1
    bos_token_id: int | None = 0
    eos_token_id: TokenId = 2
    decoder_start_token_id: TokenId = 2

    def validate(self) -> None:
        super().validate()
        if self.pad_token_id is None:
            raise ConfigurationError(
                "M2M100Config: pad_token_id=None cannot be used: positions are counted from it, "
                "so it must be a token id"
            )

    @property
    def position_limit(self) -> int | None:
        """None: positions are computed, and ``max_position_embeddings`` is how many ahead."""
        return None
