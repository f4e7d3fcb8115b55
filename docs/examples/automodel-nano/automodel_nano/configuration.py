"""The configuration of Nano."""

from __future__ import annotations

from typing import ClassVar

from automodel_core.configuration import PreTrainedConfig
from automodel_core.fields import NonNegativeFloat, PositiveInt, Probability


class NanoConfig(PreTrainedConfig):
    """A decoder with learned positions; the names are the keys of ``config.json``."""

    model_type = "nano"
    aliases: ClassVar = {
        "hidden_size": "n_embd",
        "num_hidden_layers": "n_layer",
        "max_position_embeddings": "n_positions",
    }

    vocab_size: PositiveInt = 256
    n_positions: PositiveInt = 128
    n_embd: PositiveInt = 64
    n_layer: PositiveInt = 2
    n_head: PositiveInt = 4
    dropout: Probability = 0.0
    initializer_range: NonNegativeFloat = 0.02
    use_cache: bool = True
