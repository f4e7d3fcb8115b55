"""The configuration of Mamba."""

from __future__ import annotations

from automodel_core.configuration import PreTrainedConfig, TokenId
from automodel_core.fields import NonNegativeFloat, PositiveFloat, PositiveInt


class MambaConfig(PreTrainedConfig):
    """A decoder of selective state spaces (https://arxiv.org/abs/2312.00752)."""

    model_type = "mamba"

    vocab_size: PositiveInt = 50280
    hidden_size: PositiveInt = 768
    state_size: PositiveInt = 16
    num_hidden_layers: PositiveInt = 32
    layer_norm_epsilon: PositiveFloat = 1e-5
    pad_token_id: int | None = 0
    bos_token_id: int | None = 0
    eos_token_id: TokenId = 0
    expand: PositiveInt = 2
    conv_kernel: PositiveInt = 4
    use_bias: bool = False
    use_conv_bias: bool = True
    hidden_act: str = "silu"
    initializer_range: NonNegativeFloat = 0.1
    time_step_rank: PositiveInt | str = "auto"
    use_cache: bool = True

    @property
    def inner_size(self) -> int:
        return self.expand * self.hidden_size

    @property
    def rank(self) -> int:
        rank = self.time_step_rank
        return -(-self.hidden_size // 16) if isinstance(rank, str) else rank
