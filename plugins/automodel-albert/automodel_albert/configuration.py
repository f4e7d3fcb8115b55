"""The configuration of ALBERT."""

from __future__ import annotations

from automodel_core.configuration import TokenId
from automodel_core.errors import ConfigurationError
from automodel_core.families.bert import BertFamilyConfig
from automodel_core.fields import PositiveInt, Probability


class AlbertConfig(BertFamilyConfig):
    """ALBERT (https://arxiv.org/abs/1909.11942): layers that run more than once.

    ``num_hidden_layers`` turns are shared out evenly to ``num_hidden_groups``; in each turn all
    ``inner_group_num`` layers of a group run. Defaults are those of the xxlarge size.
    """

    model_type = "albert"

    vocab_size: PositiveInt = 30000
    embedding_size: PositiveInt = 128
    hidden_size: PositiveInt = 4096
    num_hidden_groups: PositiveInt = 1
    num_attention_heads: PositiveInt = 64
    intermediate_size: PositiveInt = 16384
    inner_group_num: PositiveInt = 1
    hidden_act: str = "gelu_new"
    hidden_dropout_prob: Probability = 0.0
    attention_probs_dropout_prob: Probability = 0.0
    classifier_dropout_prob: Probability | None = 0.1
    bos_token_id: int | None = 2
    eos_token_id: TokenId = 3

    @property
    def token_size(self) -> int:
        return self.embedding_size

    @property
    def head_dropout(self) -> float:
        given = self.classifier_dropout_prob
        return self.hidden_dropout_prob if given is None else given

    def validate(self) -> None:
        super().validate()
        if self.num_hidden_groups > self.num_hidden_layers:
            raise ConfigurationError(
                f"num_hidden_groups={self.num_hidden_groups} groups of layers are more than "
                f"num_hidden_layers={self.num_hidden_layers} turns: some would never run"
            )
