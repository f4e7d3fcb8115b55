"""The keys that the family's configurations have in common."""

from __future__ import annotations

from typing import Any

from automodel_core.configuration import PreTrainedConfig, TokenId
from automodel_core.errors import ConfigurationError
from automodel_core.fields import NonNegativeFloat, PositiveFloat, PositiveInt, Probability

__all__ = ["LlamaFamilyConfig"]


class LlamaFamilyConfig(PreTrainedConfig):
    """A decoder with rotary positions, whose query heads may share keys and values."""

    vocab_size: PositiveInt = 32000
    hidden_size: PositiveInt = 4096
    intermediate_size: PositiveInt = 11008
    num_hidden_layers: PositiveInt = 32
    num_attention_heads: PositiveInt = 32
    num_key_value_heads: PositiveInt | None = None
    hidden_act: str = "silu"
    max_position_embeddings: PositiveInt = 2048
    initializer_range: NonNegativeFloat = 0.02
    rms_norm_eps: PositiveFloat = 1e-6
    use_cache: bool = True
    pad_token_id: int | None = None
    bos_token_id: int | None = 1
    eos_token_id: TokenId = 2
    tie_word_embeddings: bool = False
    rope_theta: PositiveFloat = 10_000.0
    rope_scaling: dict[str, Any] | None = None
    rope_parameters: dict[str, Any] | None = None
    attention_bias: bool = False
    attention_dropout: Probability = 0.0
    mlp_bias: bool = False
    head_dim: PositiveInt | None = None
    classifier_dropout: Probability | None = None

    @property
    def key_value_heads(self) -> int:
        """How many heads of keys and values there are."""
        return self.num_key_value_heads or self.num_attention_heads

    @property
    def head_size(self) -> int:
        """How many features a head has."""
        return self.head_dim or self.hidden_size // self.num_attention_heads

    @property
    def rope(self) -> dict[str, Any]:
        """The parameters of the rotary positions, which newer files have under one key."""
        given = self.rope_parameters or self.rope_scaling or {}
        return {"rope_theta": self.rope_theta, **given}

    @property
    def windows(self) -> list[int | None]:
        """How many positions a query of each layer sees, itself among them; ``None`` sees all."""
        return [None] * self.num_hidden_layers

    @property
    def head_dropout(self) -> float:
        """The dropout before a classifier of tokens."""
        return 0.1 if self.classifier_dropout is None else self.classifier_dropout

    @property
    def position_limit(self) -> None:
        """Nothing: positions are computed, beyond those of training too."""
        return

    def validate(self) -> None:
        heads, shared = self.num_attention_heads, self.key_value_heads
        if self.head_dim is None and self.hidden_size % heads:
            raise ConfigurationError(
                f"{type(self).__name__}: hidden_size={self.hidden_size} is not a multiple of "
                f"num_attention_heads={heads}, and there is no head_dim"
            )
        if heads % shared:
            raise ConfigurationError(
                f"{type(self).__name__}: num_attention_heads={heads} is not a multiple of "
                f"num_key_value_heads={shared}"
            )
