"""Small random models for the tests of ProphetNet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

import automodel_prophetnet

SMALL = {
    "vocab_size": 47, "hidden_size": 16, "encoder_ffn_dim": 24, "decoder_ffn_dim": 20,
    "num_encoder_layers": 2, "num_encoder_attention_heads": 2, "num_decoder_layers": 3,
    "num_decoder_attention_heads": 4, "max_position_embeddings": 20, "num_buckets": 8,
    "relative_max_distance": 16,
}  # fmt: skip


@pytest.fixture
def make() -> Callable[..., Any]:
    """Return a function that builds a random model of a class by name, in evaluation mode."""

    def build(name: str, **settings: Any) -> Any:
        config = automodel_prophetnet.ProphetNetConfig(**{**SMALL, **settings})
        model = getattr(automodel_prophetnet, name)(config).eval()
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.normal_(0.0, 0.3, generator=generator)
        return model

    return build


@pytest.fixture
def input_ids() -> torch.Tensor:
    return torch.randint(3, 47, (2, 7), generator=torch.Generator().manual_seed(1))
