"""The configurations of RoBERTa, XLM-RoBERTa and CamemBERT."""

from __future__ import annotations

from automodel_core.configuration import TokenId
from automodel_core.families.bert import BertFamilyConfig
from automodel_core.fields import NonNegativeInt, PositiveInt


class RobertaConfig(BertFamilyConfig):
    """RoBERTa (https://arxiv.org/abs/1907.11692), whose positions begin behind its padding's."""

    model_type = "roberta"

    vocab_size: PositiveInt = 50265
    pad_token_id: NonNegativeInt | None = 1
    bos_token_id: int | None = 0
    eos_token_id: TokenId = 2

    @property
    def position_limit(self) -> int:
        hidden = 0 if self.pad_token_id is None else self.pad_token_id + 1
        return self.max_position_embeddings - hidden


class XLMRobertaConfig(RobertaConfig):
    """XLM-RoBERTa (https://arxiv.org/abs/1911.02116): RoBERTa in 100 languages."""

    model_type = "xlm-roberta"

    vocab_size: PositiveInt = 30522


class CamembertConfig(RobertaConfig):
    """CamemBERT (https://arxiv.org/abs/1911.03894): RoBERTa in French."""

    model_type = "camembert"

    vocab_size: PositiveInt = 30522
