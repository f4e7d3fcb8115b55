"""The configuration of ViLT."""

from __future__ import annotations

from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import ConfigurationError
from automodel_core.fields import NonNegativeFloat, PositiveInt, Probability


class ViltConfig(PreTrainedConfig):
    """ViLT (https://arxiv.org/abs/2102.03334): one stack over the tokens and patches of a pair.

    An image has at most ``max_image_length`` patches, if that is positive; ``num_images`` is how
    many images `ViltForImagesAndTextClassification` sees with a text.
    """

    model_type = "vilt"

    vocab_size: PositiveInt = 30522
    type_vocab_size: PositiveInt = 2
    modality_type_vocab_size: PositiveInt = 2
    max_position_embeddings: PositiveInt = 40
    hidden_size: PositiveInt = 768
    num_hidden_layers: PositiveInt = 12
    num_attention_heads: PositiveInt = 12
    intermediate_size: PositiveInt = 3072
    hidden_act: str = "gelu"
    hidden_dropout_prob: Probability = 0.0
    attention_probs_dropout_prob: Probability = 0.0
    initializer_range: NonNegativeFloat = 0.02
    layer_norm_eps: NonNegativeFloat = 1e-12
    image_size: PositiveInt | list[PositiveInt] = 384
    patch_size: PositiveInt | list[PositiveInt] = 32
    num_channels: PositiveInt = 3
    qkv_bias: bool = True
    max_image_length: int = -1
    num_images: int = -1

    def validate(self) -> None:
        if self.hidden_size % self.num_attention_heads:
            raise ConfigurationError(
                f"{type(self).__name__}: hidden_size={self.hidden_size} is not a multiple of "
                f"num_attention_heads={self.num_attention_heads}"
            )
