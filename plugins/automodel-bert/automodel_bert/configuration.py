"""The configuration of BERT."""

from __future__ import annotations

from typing import Literal

from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import ConfigurationError
from automodel_core.fields import NonNegativeFloat, NonNegativeInt, PositiveInt, Probability


class BertConfig(PreTrainedConfig):
    """BERT (https://arxiv.org/abs/1810.04805): an encoder, or with ``is_decoder`` a decoder."""

    model_type = "bert"

    vocab_size: PositiveInt = 30522
    hidden_size: PositiveInt = 768
    num_hidden_layers: PositiveInt = 12
    num_attention_heads: PositiveInt = 12
    intermediate_size: PositiveInt = 3072
    hidden_act: str = "gelu"
    hidden_dropout_prob: Probability = 0.1
    attention_probs_dropout_prob: Probability = 0.1
    max_position_embeddings: PositiveInt = 512
    type_vocab_size: PositiveInt = 2
    initializer_range: NonNegativeFloat = 0.02
    layer_norm_eps: NonNegativeFloat = 1e-12
    pad_token_id: NonNegativeInt | None = 0
    position_embedding_type: Literal["absolute", "relative_key", "relative_key_query"] = "absolute"
    use_cache: bool = True
    classifier_dropout: Probability | None = None

    def validate(self) -> None:
        if self.hidden_size % self.num_attention_heads:
            raise ConfigurationError(
                f"BertConfig: hidden_size={self.hidden_size} is not a multiple of "
                f"num_attention_heads={self.num_attention_heads}"
            )
