"""The configuration of Llama."""

from __future__ import annotations

from typing import Any

from automodel_core.configuration import PreTrainedConfig, TokenId
from automodel_core.fields import NonNegativeFloat, PositiveFloat, PositiveInt, Probability


class LlamaConfig(PreTrainedConfig):
    """A decoder with rotary positions and grouped heads (https://arxiv.org/abs/2302.13971)."""

    model_type = "llama"

    vocab_size: PositiveInt = 32000
    hidden_size: PositiveInt = 4096
    intermediate_size: PositiveInt = 11008
    num_hidden_layers: PositiveInt = 32
    num_attention_heads: PositiveInt = 32
    num_key_value_heads: PositiveInt | None = None
    head_dim: PositiveInt | None = None
    hidden_act: str = "silu"
    max_position_embeddings: PositiveInt = 2048
    initializer_range: NonNegativeFloat = 0.02
    rms_norm_eps: PositiveFloat = 1e-6
    use_cache: bool = True
    bos_token_id: int | None = 1
    eos_token_id: TokenId = 2
    tie_word_embeddings: bool = False
    rope_theta: PositiveFloat = 10_000.0
    rope_scaling: dict[str, Any] | None = None
    rope_parameters: dict[str, Any] | None = None
    attention_bias: bool = False
    attention_dropout: Probability = 0.0
    mlp_bias: bool = False

    @property
    def rope(self) -> dict[str, Any]:
        """The parameters of the rotary positions, in newer files or in older ones."""
        return self.rope_parameters or {"rope_theta": self.rope_theta, **(self.rope_scaling or {})}
