"""The configuration of DistilBERT."""

from __future__ import annotations

from typing import ClassVar

from automodel_core.configuration import PreTrainedConfig
from automodel_core.errors import ConfigurationError
from automodel_core.fields import NonNegativeFloat, NonNegativeInt, PositiveInt, Probability


class DistilBertConfig(PreTrainedConfig):
    """DistilBERT (https://arxiv.org/abs/1910.01108): BERT with half the layers, learnt from it."""

    model_type = "distilbert"
    aliases: ClassVar = {
        "hidden_size": "dim",
        "num_hidden_layers": "n_layers",
        "num_attention_heads": "n_heads",
        "intermediate_size": "hidden_dim",
        "hidden_act": "activation",
        "hidden_dropout_prob": "dropout",
        "attention_probs_dropout_prob": "attention_dropout",
        "token_size": "dim",
        "head_dropout": "dropout",
    }
    layer_norm_eps: ClassVar[float] = 1e-12
    position_embedding_type: ClassVar[str] = "absolute"

    vocab_size: PositiveInt = 30522
    max_position_embeddings: PositiveInt = 512
    sinusoidal_pos_embds: bool = False
    n_layers: PositiveInt = 6
    n_heads: PositiveInt = 12
    dim: PositiveInt = 768
    hidden_dim: PositiveInt = 4 * 768
    dropout: Probability = 0.1
    attention_dropout: Probability = 0.1
    activation: str = "gelu"
    initializer_range: NonNegativeFloat = 0.02
    qa_dropout: Probability = 0.1
    seq_classif_dropout: Probability = 0.2
    pad_token_id: NonNegativeInt | None = 0

    def validate(self) -> None:
        if self.dim % self.n_heads:
            raise ConfigurationError(
                f"DistilBertConfig: dim={self.dim} is not a multiple of n_heads={self.n_heads}"
            )
