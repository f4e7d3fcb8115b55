"""The configuration of ELECTRA."""

from __future__ import annotations

from typing import Literal

from automodel_core.families.bert import BertFamilyConfig
from automodel_core.fields import PositiveInt, Probability


class ElectraConfig(BertFamilyConfig):
    """ELECTRA (https://arxiv.org/abs/2003.10555), a discriminator or a generator.

    ``summary_...`` say how `ElectraForMultipleChoice` makes one state of a text. Defaults are those
    of the small size.
    """

    model_type = "electra"

    embedding_size: PositiveInt = 128
    hidden_size: PositiveInt = 256
    num_attention_heads: PositiveInt = 4
    intermediate_size: PositiveInt = 1024
    summary_type: Literal["last", "first", "mean", "cls_index", "attn"] = "first"
    summary_use_proj: bool = True
    summary_activation: str | None = "gelu"
    summary_last_dropout: Probability = 0.1

    @property
    def token_size(self) -> int:
        return self.embedding_size
