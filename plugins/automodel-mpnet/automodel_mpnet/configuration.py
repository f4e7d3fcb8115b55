"""The configuration of MPNet."""

from __future__ import annotations

from automodel_core.configuration import TokenId
from automodel_core.errors import ConfigurationError
from automodel_core.families.bert import BertFamilyConfig
from automodel_core.fields import NonNegativeInt, PositiveInt

PADDING_ROW = 1
"""The token that has no position, and the row of the table that none has, whatever pads texts."""


class MPNetConfig(BertFamilyConfig):
    """MPNet (https://arxiv.org/abs/2004.09297), whose layers share scores of distances."""

    model_type = "mpnet"

    vocab_size: PositiveInt = 30527
    relative_attention_num_buckets: PositiveInt = 32
    pad_token_id: NonNegativeInt | None = 1
    bos_token_id: int | None = 0
    eos_token_id: TokenId = 2

    @property
    def position_limit(self) -> int:
        return self.max_position_embeddings - PADDING_ROW - 1

    def validate(self) -> None:
        super().validate()
        if self.is_decoder:
            raise ConfigurationError("MPNetConfig: is_decoder=True, and MPNet is an encoder only")
