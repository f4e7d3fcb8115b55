"""Configurations of T5 (1.0 and 1.1), mT5 and UMT5."""

from __future__ import annotations

from typing import Annotated, ClassVar

from automodel_core.configuration import PreTrainedConfig, TokenId
from automodel_core.errors import ConfigurationError
from automodel_core.fields import NonNegativeFloat, PositiveFloat, PositiveInt, Probability, Range


class T5Config(PreTrainedConfig):
    """T5 (https://arxiv.org/abs/1910.10683).

    1.1 has gated feed-forward parts and an output layer of its own.
    """

    model_type = "t5"
    aliases: ClassVar = {
        "hidden_size": "d_model",
        "num_attention_heads": "num_heads",
        "num_hidden_layers": "num_layers",
        "head_dim": "d_kv",
    }
    biases_each_layer: ClassVar[bool] = False
    """Whether each layer has position biases of its own, or all share those of the first."""

    vocab_size: PositiveInt = 32128
    d_model: PositiveInt = 512
    d_kv: PositiveInt = 64
    d_ff: PositiveInt = 2048
    num_layers: PositiveInt = 6
    num_decoder_layers: PositiveInt | None = None
    num_heads: PositiveInt = 8
    relative_attention_num_buckets: Annotated[int, Range(minimum=4)] = 32
    relative_attention_max_distance: PositiveInt = 128
    dropout_rate: Probability = 0.1
    layer_norm_epsilon: PositiveFloat = 1e-6
    initializer_factor: NonNegativeFloat = 1.0
    feed_forward_proj: str = "relu"
    dense_act_fn: str | None = None
    is_gated_act: bool | None = None
    is_encoder_decoder: bool = True
    use_cache: bool = True
    pad_token_id: int | None = 0
    eos_token_id: TokenId = 1
    classifier_dropout: Probability = 0.0
    scale_decoder_outputs: bool | None = None
    """Whether states are scaled by ``d_model ** -0.5`` before the output layer.

    1.0 does, which ties that layer to the embeddings.
    """

    def validate(self) -> None:
        if self.num_decoder_layers is None:
            self.num_decoder_layers = self.num_layers
        if self.scale_decoder_outputs is None:
            self.scale_decoder_outputs = self.tie_word_embeddings
        elif not self.scale_decoder_outputs:
            self.tie_word_embeddings = False
        gate, _, activation = self.feed_forward_proj.rpartition("-")
        if gate not in ("", "gated") or not activation:
            raise ConfigurationError(
                f"{type(self).__name__}: feed_forward_proj={self.feed_forward_proj!r} cannot be "
                "used: expected the name of an activation, or 'gated-' and the name"
            )
        if self.is_gated_act is None:
            self.is_gated_act = gate == "gated"
        if self.dense_act_fn is None:
            # Released gated checkpoints name "gelu" and were trained with its tanh approximation.
            self.dense_act_fn = "gelu_new" if self.feed_forward_proj == "gated-gelu" else activation


class UMT5Config(T5Config):
    """UMT5 (https://arxiv.org/abs/2304.09151): mT5 with position biases in each layer."""

    model_type = "umt5"
    biases_each_layer = True

    vocab_size: PositiveInt = 250112
    d_ff: PositiveInt = 1024
    num_layers: PositiveInt = 8
    num_heads: PositiveInt = 6
    feed_forward_proj: str = "gated-gelu"
    decoder_start_token_id: TokenId = 0


class MT5Config(UMT5Config):
    """mT5 (https://arxiv.org/abs/2010.11934): T5 1.1 for 101 languages."""

    model_type = "mt5"
    biases_each_layer = False

    tie_word_embeddings: bool = False

    def validate(self) -> None:
        self.scale_decoder_outputs = False
        super().validate()
