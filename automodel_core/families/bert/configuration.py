"""The keys that the family's configurations have in common."""

from __future__ import annotations

from typing import Literal

from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import ConfigurationError
from automodel_core.fields import NonNegativeFloat, NonNegativeInt, PositiveInt, Probability

__all__ = ["BertFamilyConfig"]


class BertFamilyConfig(PreTrainedConfig):
    """An encoder, or with ``is_decoder`` a decoder; defaults are those of the base size.

    A descendant with keys of its own names these in ``aliases``.
    """

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
    use_cache: bool = True
    classifier_dropout: Probability | None = None
    position_embedding_type: Literal["absolute", "relative_key", "relative_key_query"] = "absolute"

    @property
    def token_size(self) -> int:
        """How many features the embeddings of tokens and positions have."""
        return self.hidden_size

    @property
    def head_dropout(self) -> float:
        """The dropout before a classifier."""
        given = self.classifier_dropout
        return self.hidden_dropout_prob if given is None else given

    def validate(self) -> None:
        if self.hidden_size % self.num_attention_heads:
            raise ConfigurationError(
                f"{type(self).__name__}: hidden_size={self.hidden_size} is not a multiple of "
                f"num_attention_heads={self.num_attention_heads}"
            )
